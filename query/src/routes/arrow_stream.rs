//! A result as a stream of Arrow IPC, batch by batch.

use arrow::ipc::writer::StreamWriter;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TRAILER};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use store::StreamEnd;

use crate::error::ApiError;
use crate::user_sql::{Piece, Running, too_large};

/// The media type that clients accept and get.
pub(crate) const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";

/// As trailer of a stream, as header of a whole answer: whether the row limit cut the result.
pub(crate) const TRUNCATED: HeaderName = HeaderName::from_static("x-truncated");

/// Rows after which the result is cut.
const MAX_ROWS: HeaderName = HeaderName::from_static("x-max-rows");

/// Why a stream breaks off after it has begun.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("{0}")]
    Refused(String),
    #[error("a batch cannot be written")]
    Arrow(#[from] arrow::error::ArrowError),
}

/// The answer with the rows of `running`. What fails after the first byte breaks the body off, which
/// readers report as an incomplete stream.
pub(crate) fn response(running: Running, max_rows: usize) -> Result<Response, ApiError> {
    let writer = StreamWriter::try_new(Vec::new(), &running.schema)
        .map_err(|error| ApiError::internal(&error))?;
    let stream = Stream {
        running,
        writer,
        stage: Stage::Rows,
    };
    let frames = stream::try_unfold(stream, |mut stream| async move {
        Ok::<_, Broken>(stream.frame().await?.map(|frame| (frame, stream)))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(ARROW_STREAM)),
        (MAX_ROWS, HeaderValue::from(max_rows)),
        (TRAILER, HeaderValue::from_static("x-truncated")),
    ];
    Ok((headers, Body::new(StreamBody::new(frames))).into_response())
}

struct Stream {
    running: Running,
    writer: StreamWriter<Vec<u8>>,
    stage: Stage,
}

enum Stage {
    Rows,
    Trailers { is_truncated: bool },
    Done,
}

impl Stream {
    async fn frame(&mut self) -> Result<Option<Frame<Bytes>>, Broken> {
        match self.stage {
            Stage::Rows => self.rows().await.map(Some),
            Stage::Trailers { is_truncated } => {
                self.stage = Stage::Done;
                let told = HeaderValue::from_static(if is_truncated { "true" } else { "false" });
                let trailers = HeaderMap::from_iter([(TRUNCATED, told)]);
                Ok(Some(Frame::trailers(trailers)))
            }
            Stage::Done => Ok(None),
        }
    }

    async fn rows(&mut self) -> Result<Frame<Bytes>, Broken> {
        match self.running.next().await {
            Piece::Batch(batch) => self.writer.write(&batch)?,
            Piece::End(end @ (StreamEnd::Complete | StreamEnd::RowLimit)) => {
                self.writer.finish()?;
                let is_truncated = end == StreamEnd::RowLimit;
                self.stage = Stage::Trailers { is_truncated };
            }
            Piece::End(StreamEnd::ByteLimit) => {
                return Err(Broken::Refused(too_large().message().to_owned()));
            }
            Piece::End(StreamEnd::SinkClosed) => {
                return Err(Broken::Refused("the client read too slowly".to_owned()));
            }
            Piece::Failed(error) => return Err(Broken::Refused(error.message().to_owned())),
        }
        let written = std::mem::take(self.writer.get_mut());
        Ok(Frame::data(Bytes::from(written)))
    }
}
