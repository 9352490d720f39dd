//! Figures of rules on labelled examples, whole and fold by fold.

use serde_json::{Value, json};

use super::super::output::Heading;

/// A rule that says yes or no of each example, and how much so.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) flagged: Vec<bool>,
    pub(super) scores: Vec<f64>,
}

/// What a rule comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    pub(super) flagged: usize,
    pub(super) right: usize,
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
    pub(super) auc: f64,
}

/// The headings of [`Measured::row`].
pub(super) fn headings() -> Vec<Heading> {
    let numbers = ["flagged", "right", "precision", "recall", "F1", "AUC"];
    let numbers = numbers.into_iter().map(Heading::number);
    std::iter::once(Heading::text("rule"))
        .chain(numbers)
        .collect()
}

impl Measured {
    /// The figures on the examples that are `wanted`.
    pub(super) fn figures_of(&self, truth: &[bool], wanted: impl Fn(usize) -> bool) -> Figures {
        let places: Vec<usize> = (0..truth.len()).filter(|at| wanted(*at)).collect();
        let count = |of: &dyn Fn(usize) -> bool| places.iter().filter(|at| of(**at)).count();
        let flagged = count(&|at| self.flagged[at]);
        let right = count(&|at| self.flagged[at] && truth[at]);
        let positive = count(&|at| truth[at]);
        let share = |of: usize| match of {
            0 => 0.0,
            of => right as f64 / of as f64,
        };
        let scores: Vec<f64> = places.iter().map(|at| self.scores[*at]).collect();
        let truth: Vec<bool> = places.iter().map(|at| truth[*at]).collect();
        Figures {
            flagged,
            right,
            precision: share(flagged),
            recall: share(positive),
            f1: match flagged + positive {
                0 => 0.0,
                all => 2.0 * right as f64 / all as f64,
            },
            auc: auc(&scores, &truth),
        }
    }

    pub(super) fn figures(&self, truth: &[bool]) -> Figures {
        self.figures_of(truth, |_| true)
    }

    pub(super) fn row(&self, truth: &[bool]) -> Vec<String> {
        let figures = self.figures(truth);
        vec![
            self.name.clone(),
            figures.flagged.to_string(),
            figures.right.to_string(),
            format!("{:.2}", figures.precision),
            format!("{:.2}", figures.recall),
            format!("{:.2}", figures.f1),
            format!("{:.2}", figures.auc),
        ]
    }

    pub(super) fn json(&self, truth: &[bool]) -> Value {
        let figures = self.figures(truth);
        json!({"rule": self.name, "flagged": figures.flagged, "right": figures.right,
            "precision": figures.precision, "recall": figures.recall, "f1": figures.f1,
            "auc": figures.auc})
    }

    /// Mean and standard deviation over the folds: the rule, then precision, recall, F1 and AUC.
    pub(super) fn spread_row(&self, truth: &[bool], folds: &Folds) -> Vec<String> {
        let each: Vec<Figures> = folds
            .numbers()
            .map(|fold| self.figures_of(truth, |at| folds.of[at] == fold))
            .collect();
        let spread = |of: fn(&Figures) -> f64| {
            let values: Vec<f64> = each
                .iter()
                .map(of)
                .filter(|value| !value.is_nan())
                .collect();
            let (mean, deviation) = mean_and_deviation(&values);
            format!("{mean:.2} ± {deviation:.2}")
        };
        vec![
            self.name.clone(),
            spread(|figures| figures.precision),
            spread(|figures| figures.recall),
            spread(|figures| figures.f1),
            spread(|figures| figures.auc),
        ]
    }
}

/// The headings of [`Measured::spread_row`].
pub(super) fn spread_headings() -> Vec<Heading> {
    let numbers = ["precision", "recall", "F1", "AUC"].map(Heading::number);
    std::iter::once(Heading::text("rule"))
        .chain(numbers)
        .collect()
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / count;
    (mean, square.sqrt())
}

/// Examples dealt out to parts of about equal size, each with its share of the positive ones.
pub(super) struct Folds {
    count: usize,
    /// The fold of each example.
    of: Vec<usize>,
}

impl Folds {
    /// Deals in the order of the names, so that the same examples give the same folds.
    pub(super) fn deal(names: &[&str], truth: &[bool], count: usize) -> Self {
        let mut order: Vec<usize> = (0..names.len()).collect();
        order.sort_by_key(|at| (truth[*at], names[*at]));
        let mut of = vec![0; names.len()];
        for (place, at) in order.into_iter().enumerate() {
            of[at] = place % count;
        }
        Self { count, of }
    }

    fn numbers(&self) -> impl Iterator<Item = usize> {
        0..self.count
    }
}

/// One rule under different settings, of which each fold takes the one that is best on the others.
pub(super) struct Chosen {
    /// Place of the setting that each fold took.
    pub(super) by_fold: Vec<usize>,
    /// What comes of it on the folds themselves, together.
    pub(super) measured: Measured,
}

/// Chooses among `settings`, the same rule measured under each, by F1; of equals the first.
pub(super) fn choose(settings: &[Measured], truth: &[bool], folds: &Folds) -> Chosen {
    let mut by_fold = Vec::new();
    let mut measured = Measured {
        name: "chosen by cross-validation".to_owned(),
        flagged: vec![false; truth.len()],
        scores: vec![0.0; truth.len()],
    };
    for fold in folds.numbers() {
        let elsewhere = |rule: &Measured| rule.figures_of(truth, |at| folds.of[at] != fold).f1;
        let mut best = 0;
        for at in 1..settings.len() {
            if elsewhere(&settings[at]) > elsewhere(&settings[best]) {
                best = at;
            }
        }
        for at in (0..truth.len()).filter(|at| folds.of[*at] == fold) {
            measured.flagged[at] = settings[best].flagged[at];
            measured.scores[at] = settings[best].scores[at];
        }
        by_fold.push(best);
    }
    Chosen { by_fold, measured }
}

/// The chance that a positive example scores higher than a negative one; equal scores count half.
fn auc(scores: &[f64], truth: &[bool]) -> f64 {
    let mut order: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positive = truth.iter().filter(|truth| **truth).count();
    let negative = truth.len() - positive;
    if positive == 0 || negative == 0 {
        return f64::NAN;
    }
    let (mut below, mut won) = (0_usize, 0.0);
    for equal in order.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let yes = equal.iter().filter(|(_, truth)| *truth).count();
        let no = equal.len() - yes;
        won += yes as f64 * (below as f64 + no as f64 / 2.0);
        below += no;
    }
    won / (positive * negative) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_under_the_curve_is_that_of_ranks() {
        let truth = [true, true, false, false];
        assert!((auc(&[4.0, 3.0, 2.0, 1.0], &truth) - 1.0).abs() < 1e-9);
        assert!((auc(&[1.0, 1.0, 1.0, 1.0], &truth) - 0.5).abs() < 1e-9);
        assert!((auc(&[4.0, 1.0, 2.0, 1.0], &truth) - 0.625).abs() < 1e-9);
    }

    #[test]
    fn folds_have_their_share_and_choose_without_themselves() {
        let names: Vec<String> = (0..40).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let truth: Vec<bool> = (0..40).map(|n| n < 10).collect();
        let folds = Folds::deal(&names, &truth, 5);
        for fold in folds.numbers() {
            let of_fold = (0..40).filter(|at| folds.of[*at] == fold);
            assert_eq!(of_fold.clone().count(), 8);
            assert_eq!(of_fold.filter(|at| truth[*at]).count(), 2);
        }
        let rule = |flagged: Vec<bool>| Measured {
            name: String::new(),
            scores: flagged.iter().map(|f| f64::from(u8::from(*f))).collect(),
            flagged,
        };
        let settings = [rule(vec![true; 40]), rule(truth.clone())];
        let chosen = choose(&settings, &truth, &folds);
        assert_eq!(chosen.by_fold, [1; 5]);
        assert!((chosen.measured.figures(&truth).f1 - 1.0).abs() < 1e-9);
    }
}
