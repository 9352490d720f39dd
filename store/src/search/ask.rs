//! What a user looks for: words, "phrases", beginnings* and -exclusions.

use std::ops::Range;

use tantivy::Term;
use tantivy::query::{
    BooleanQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RegexQuery, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::words::{Word, is_unspaced, words};

/// Most words and phrases of one question.
const MAX_CLAUSES: usize = 32;
/// Words that the last word of a phrase may begin.
const MAX_EXPANSIONS: u32 = 1_000;

/// A question, taken apart. All that is wanted has to be in one text, nothing that is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    wanted: Vec<Clause>,
    unwanted: Vec<Clause>,
}

/// Words that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clause {
    words: Vec<String>,
    /// The last word may go on.
    is_open: bool,
}

impl Ask {
    /// Takes a question apart.
    ///
    /// # Errors
    /// What is wrong with it, in words for the user.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut ask = Self {
            wanted: Vec::new(),
            unwanted: Vec::new(),
        };
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            let is_unwanted = rest.len() > 1 && rest.starts_with('-');
            if is_unwanted {
                rest = &rest[1..];
            }
            let (part, behind) = match rest.strip_prefix('"') {
                Some(inside) => inside
                    .split_once('"')
                    .ok_or("a phrase has no closing quotation mark")?,
                None => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    rest.split_at(end)
                }
            };
            let is_quoted = rest.starts_with('"');
            let (is_open, behind) = match behind.strip_prefix('*') {
                Some(behind) if is_quoted => (true, behind),
                _ => (!is_quoted && part.ends_with('*'), behind),
            };
            rest = behind.trim_start();
            let Some(clause) = Clause::of(part, is_open)? else {
                continue;
            };
            if is_unwanted {
                ask.unwanted.push(clause);
            } else {
                ask.wanted.push(clause);
            }
        }
        if ask.wanted.is_empty() {
            return Err(
                "there is no word to look for: give letters or digits, \"a phrase\" or begin*"
                    .to_owned(),
            );
        }
        if ask.wanted.len() + ask.unwanted.len() > MAX_CLAUSES {
            return Err(format!(
                "more than {MAX_CLAUSES} words; put some into a \"phrase\""
            ));
        }
        Ok(ask)
    }

    /// As the index is asked.
    pub(crate) fn query(&self, field: Field) -> tantivy::Result<Box<dyn Query>> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for (occur, some) in [
            (Occur::Must, &self.wanted),
            (Occur::MustNot, &self.unwanted),
        ] {
            for clause in some {
                clauses.push((occur, clause.query(field)?));
            }
        }
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// Where a text holds what is wanted, in order; `None` when it does not, or holds what is not.
    pub(crate) fn places(&self, words: &[Word]) -> Option<Vec<Range<usize>>> {
        if self
            .unwanted
            .iter()
            .any(|clause| clause.places(words).next().is_some())
        {
            return None;
        }
        let mut places = Vec::new();
        for clause in &self.wanted {
            let before = places.len();
            places.extend(clause.places(words));
            if places.len() == before {
                return None;
            }
        }
        places.sort_unstable_by_key(|place| (place.start, place.end));
        Some(places)
    }
}

impl Clause {
    fn of(part: &str, is_open: bool) -> Result<Option<Self>, String> {
        let found = words(part);
        let mut texts: Vec<String> = found
            .into_iter()
            .filter(|word| !word.is_whole)
            .map(|word| word.text)
            .collect();
        let Some(last) = texts.last() else {
            return Ok(None);
        };
        let length = last.chars().count();
        let mut is_open = is_open;
        if length == 1 && last.chars().all(is_unspaced) {
            // A run ends with its last character alone, which texts that go on do not hold.
            if texts.len() > 1 {
                texts.pop();
            } else {
                is_open = true;
            }
        } else if is_open && length < 2 {
            return Err(format!(
                "`{last}*` begins too many words: give two characters or more"
            ));
        }
        Ok(Some(Self {
            words: texts,
            is_open,
        }))
    }

    fn query(&self, field: Field) -> tantivy::Result<Box<dyn Query>> {
        let mut terms: Vec<Term> = self
            .words
            .iter()
            .map(|word| Term::from_field_text(field, word))
            .collect();
        Ok(match (terms.len(), self.is_open) {
            (1, true) => Box::new(RegexQuery::from_pattern(
                // Words hold letters and digits only, so that nothing is to be escaped.
                &format!("{}.*", self.words[0]),
                field,
            )?),
            (1, false) => Box::new(TermQuery::new(terms.remove(0), IndexRecordOption::Basic)),
            (_, true) => {
                let mut query = PhrasePrefixQuery::new(terms);
                query.set_max_expansions(MAX_EXPANSIONS);
                Box::new(query)
            }
            (_, false) => Box::new(PhraseQuery::new(terms)),
        })
    }

    fn places<'a>(&'a self, words: &'a [Word]) -> impl Iterator<Item = Range<usize>> + 'a {
        (0..words.len()).filter_map(move |first| {
            let mut end = first;
            for (n, wanted) in self.words.iter().enumerate() {
                let is_last = n + 1 == self.words.len();
                let position = words[first].position + n;
                let at = (end..words.len())
                    .take_while(|at| words[*at].position <= position)
                    .find(|at| {
                        let word = &words[*at];
                        word.position == position
                            && if is_last && self.is_open {
                                word.text.starts_with(wanted.as_str())
                            } else {
                                word.text == *wanted
                            }
                    })?;
                // The first word of the clause is this one, not another at its position.
                if n == 0 && at != first {
                    return None;
                }
                end = at;
            }
            Some(words[first].place.start..words[end].place.end)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ask: &str, text: &str) -> Option<Vec<String>> {
        let places = Ask::parse(ask).unwrap().places(&words(text))?;
        Some(
            places
                .into_iter()
                .map(|place| text[place].to_owned())
                .collect(),
        )
    }

    #[test]
    fn finds_words_phrases_beginnings_and_heeds_exclusions() {
        let text = "Cannot open src/main.rs: getUserName failed, 日本語 text";
        for (ask, places) in [
            ("FAILED open", Some(vec!["open", "failed"])),
            ("\"cannot open\"", Some(vec!["Cannot open"])),
            ("\"open cannot\"", None),
            ("main.rs", Some(vec!["main.rs"])),
            ("getUserName", Some(vec!["getUserName"])),
            ("getusername", Some(vec!["getUserName"])),
            ("user_name", Some(vec!["UserName"])),
            ("getUs*", Some(vec!["getUser"])),
            ("fai*", Some(vec!["failed"])),
            ("\"open sr\"*", Some(vec!["open src"])),
            ("open -closed", Some(vec!["open"])),
            ("open -\"src main\"", None),
            ("open -src", None),
            ("本", Some(vec!["本語"])),
            ("日本", Some(vec!["日本"])),
            ("日本語", Some(vec!["日本語"])),
            ("語", Some(vec!["語"])),
            ("nothing", None),
        ] {
            let places: Option<Vec<String>> =
                places.map(|places| places.into_iter().map(str::to_owned).collect());
            assert_eq!(found(ask, text), places, "{ask}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        for (ask, words) in [
            ("", "no word"),
            ("… -x", "no word"),
            ("\"open", "closing quotation mark"),
            ("a*", "two characters"),
            (&"w ".repeat(40), "more than 32"),
        ] {
            let message = Ask::parse(ask).unwrap_err();
            assert!(message.contains(words), "{ask}: {message}");
        }
    }
}
