//! Saved queries on the command line: the list, and the parameters of one.

use serde_json::{Map, Value};

use super::answer::{rows, text};
use super::output;
use super::source::Api;
use crate::failure::Failure;

/// Prints the saved queries with their parameters.
pub(super) async fn list(api: &Api, as_json: bool) -> Result<(), Failure> {
    let mut answer = api.get("/queries", &[]).await?;
    let queries = answer["queries"].take();
    if as_json {
        return output::print_json(&queries);
    }
    let mut page = String::new();
    for query in rows(&queries) {
        page.push_str(&format!(
            "{}\n    {}\n",
            text(&query["name"]),
            output::visible(&text(&query["description"]))
        ));
        for parameter in rows(&query["parameters"]) {
            let default = match &parameter["default"] {
                _ if parameter["required"] == true => ", to be given".to_owned(),
                Value::Null => String::new(),
                Value::String(text) => format!(" [{}]", output::visible(text)),
                value => format!(" [{value}]"),
            };
            page.push_str(&format!(
                "    --param {}=<{}>  {}{default}\n",
                text(&parameter["name"]),
                text(&parameter["type"]),
                output::visible(&text(&parameter["description"])),
            ));
        }
    }
    output::print(&page)
}

/// `name=value` from the command line; the server knows the types.
pub(super) fn parameters(given: &[String]) -> Result<Map<String, Value>, Failure> {
    let pair = |text: &String| {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::Usage(format!("--param {text}: write it as name=value")))?;
        Ok((name.to_owned(), Value::from(value)))
    };
    given.iter().map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_names_and_values() {
        let given = ["a=1".to_owned(), "b=x=y".to_owned(), "c=".to_owned()];
        let map = parameters(&given).unwrap();
        assert_eq!(map["a"], "1");
        assert_eq!(map["b"], "x=y");
        assert_eq!(map["c"], "");
        assert!(parameters(&["a".to_owned()]).is_err());
    }
}
