//! What a model request costs where its emitter does not say: the shipped price table, the user's own
//! prices over it, and the many spellings of a model's id.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use proto::agent::Facts;
use serde::Deserialize;

mod model_id;

/// Shipped with the program; the user's file has the same form.
const SHIPPED: &str = include_str!("prices.json");
/// Name of the user's own table in the data folder.
const OVERRIDE_NAME: &str = "prices.json";
const TOKENS_PER_UNIT: f64 = 1e6;

/// Why a price table cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is not a price table", path.display())]
    Parse {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{}: the prices of {model} must be zero or more", path.display())]
    Negative { path: PathBuf, model: String },
}

/// Prices per model, looked up by any spelling of the model's id.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    date: String,
    overridden_by: Option<PathBuf>,
    by_model: HashMap<String, Price>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Day up to which the prices were looked up, `YYYY-MM-DD`.
    date: Option<String>,
    #[serde(rename = "unit")]
    _unit: Option<String>,
    #[serde(rename = "sources")]
    _sources: Option<Vec<serde_json::Value>>,
    models: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    model: String,
    #[serde(default)]
    aliases: Vec<String>,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    long: Option<Long>,
}

/// Prices of requests with more than so many input tokens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Long {
    above_input_tokens: i64,
    input: f64,
    output: f64,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
}

/// US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rates {
    input: f64,
    output: f64,
    cache_read: f64,
    cache_write: f64,
}

impl Rates {
    /// Tokens read from or written to a cache cost what other input does unless the table says else.
    fn of(input: f64, output: f64, cache_read: Option<f64>, cache_write: Option<f64>) -> Self {
        Self {
            input,
            output,
            cache_read: cache_read.unwrap_or(input),
            cache_write: cache_write.unwrap_or(input),
        }
    }

    fn are_valid(&self) -> bool {
        [self.input, self.output, self.cache_read, self.cache_write]
            .iter()
            .all(|rate| rate.is_finite() && *rate >= 0.0)
    }
}

/// What one model costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    rates: Rates,
    /// Rates of requests with more input tokens than this.
    long: Option<(i64, Rates)>,
}

impl Price {
    /// Cost of one request in US dollars; `None` while a count that it takes is not known.
    ///
    /// Cached tokens are part of `input_tokens`, reasoning tokens part of `output_tokens`.
    pub fn cost_usd(&self, facts: &Facts) -> Option<f64> {
        let tokens = |count: Option<i64>| count.map(|count| count.max(0));
        let input = tokens(facts.input_tokens)?;
        let rates = match self.long {
            Some((above, long)) if input > above => long,
            _ => self.rates,
        };
        let output = match tokens(facts.output_tokens) {
            Some(output) => output,
            None if rates.output == 0.0 => 0,
            None => return None,
        };
        let read = tokens(facts.cache_read_tokens).unwrap_or(0).min(input);
        let written = tokens(facts.cache_write_tokens)
            .unwrap_or(0)
            .min(input - read);
        let fresh = input - read - written;
        let micros = fresh as f64 * rates.input
            + read as f64 * rates.cache_read
            + written as f64 * rates.cache_write
            + output as f64 * rates.output;
        Some(micros / TOKENS_PER_UNIT)
    }
}

impl Prices {
    /// The shipped table with `prices.json` of the data folder over it, where there is one: its models
    /// replace shipped ones of the same name, its date replaces the shipped date.
    ///
    /// # Errors
    /// When a table cannot be read or is not one; a wrong price would be believed.
    pub fn load(data_dir: &Path) -> Result<Self, Error> {
        let mut prices = Self {
            date: String::new(),
            overridden_by: None,
            by_model: HashMap::new(),
        };
        prices.add(SHIPPED, Path::new("the shipped price table"))?;
        let path = data_dir.join(OVERRIDE_NAME);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                prices.add(&text, &path)?;
                prices.overridden_by = Some(path);
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::Read { path, source }),
        }
        Ok(prices)
    }

    fn add(&mut self, text: &str, path: &Path) -> Result<(), Error> {
        let table: Table = serde_json::from_str(text).map_err(|source| Error::Parse {
            path: path.to_owned(),
            source,
        })?;
        if let Some(date) = table.date {
            self.date = date;
        }
        for entry in table.models {
            let price = Price {
                rates: Rates::of(
                    entry.input,
                    entry.output,
                    entry.cache_read,
                    entry.cache_write,
                ),
                long: entry.long.map(|long| {
                    let rates =
                        Rates::of(long.input, long.output, long.cache_read, long.cache_write);
                    (long.above_input_tokens, rates)
                }),
            };
            if !price.rates.are_valid() || price.long.is_some_and(|(_, long)| !long.are_valid()) {
                return Err(Error::Negative {
                    path: path.to_owned(),
                    model: entry.model,
                });
            }
            for name in std::iter::once(entry.model).chain(entry.aliases) {
                self.by_model.insert(name.to_lowercase(), price);
            }
        }
        Ok(())
    }

    /// The price of a model, by its id as any emitter spells it; `None` for a model not in the table.
    pub fn of_model(&self, id: &str) -> Option<&Price> {
        model_id::find(id, |name| self.by_model.get(name))
    }

    /// Day up to which the prices were looked up, as the table states it.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The user's own table, where one was found.
    pub fn overridden_by(&self) -> Option<&Path> {
        self.overridden_by.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> Prices {
        Prices::load(Path::new("/nonexistent")).unwrap()
    }

    fn usage(input: i64, output: i64, read: i64, written: i64) -> Facts {
        Facts {
            input_tokens: Some(input),
            output_tokens: Some(output),
            cache_read_tokens: Some(read),
            cache_write_tokens: Some(written),
            ..Facts::default()
        }
    }

    fn cost(model: &str, facts: &Facts) -> f64 {
        shipped().of_model(model).unwrap().cost_usd(facts).unwrap()
    }

    #[test]
    fn cached_tokens_are_part_of_the_input_and_cost_their_own_rate() {
        // 1,000,000 = 200,000 fresh + 700,000 read + 100,000 written; Sonnet 4.5: 3, 0.3, 3.75, 15.
        let facts = usage(1_000_000, 10_000, 700_000, 100_000);
        let expected = 0.6 + 0.21 + 0.375 + 0.15;
        assert!((cost("claude-sonnet-4-5-20250929", &facts) - expected).abs() < 1e-9);
    }

    #[test]
    fn long_requests_have_rates_of_their_own() {
        assert!((cost("gemini-2.5-pro", &usage(200_000, 0, 0, 0)) - 0.25).abs() < 1e-9);
        assert!((cost("gemini-2.5-pro", &usage(200_001, 0, 0, 0)) - 0.500_002_5).abs() < 1e-9);
        assert!(
            (cost("claude-haiku-5-5", &usage(100_001, 0, 0, 100_001)) - 0.062_500_6).abs() < 1e-6
        );
    }

    #[test]
    fn an_unknown_model_or_count_has_no_cost() {
        let prices = shipped();
        assert_eq!(prices.of_model("fake-model"), None);
        let price = prices.of_model("gpt-5").unwrap();
        assert_eq!(price.cost_usd(&Facts::default()), None);
        let half = Facts {
            input_tokens: Some(5),
            ..Facts::default()
        };
        assert_eq!(price.cost_usd(&half), None);
        // An embedding has no output.
        let embedding = prices.of_model("text-embedding-3-small").unwrap();
        assert_eq!(embedding.cost_usd(&half), Some(5.0 * 0.02 / 1e6));
    }

    #[test]
    fn hostile_counts_cost_nothing_below_zero() {
        let price = *shipped().of_model("gpt-5").unwrap();
        for facts in [
            usage(-5, -5, -5, -5),
            usage(10, 0, i64::MAX, i64::MAX),
            usage(i64::MAX, i64::MAX, i64::MIN, 7),
        ] {
            assert!(price.cost_usd(&facts).unwrap() >= 0.0);
        }
    }

    #[test]
    fn the_users_table_goes_over_the_shipped_one() {
        let folder = tempfile::tempdir().unwrap();
        let own = r#"{"date":"2027-01-02","models":[
            {"model":"GPT-5","input":1,"output":2},
            {"model":"house-model","input":0,"output":0,"aliases":["hm"]}]}"#;
        std::fs::write(folder.path().join("prices.json"), own).unwrap();
        let prices = Prices::load(folder.path()).unwrap();
        assert_eq!(prices.date(), "2027-01-02");
        assert_eq!(
            prices.overridden_by(),
            Some(folder.path().join("prices.json").as_path())
        );
        let facts = usage(1_000_000, 1_000_000, 0, 0);
        assert_eq!(
            prices.of_model("gpt-5").unwrap().cost_usd(&facts),
            Some(3.0)
        );
        assert_eq!(prices.of_model("hm").unwrap().cost_usd(&facts), Some(0.0));
        assert!(prices.of_model("claude-opus-4-5").is_some());
    }

    #[test]
    fn a_table_that_is_none_is_refused() {
        for (text, message) in [
            ("{", "is not a price table"),
            (
                r#"{"models":[{"model":"a","input":1,"output":1,"prize":2}]}"#,
                "is not a price table",
            ),
            (
                r#"{"models":[{"model":"a","input":-1,"output":1}]}"#,
                "must be zero or more",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("prices.json"), text).unwrap();
            let error = Prices::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
            assert!(error.contains("prices.json"), "{error}");
        }
    }
}
