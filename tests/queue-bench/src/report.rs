//! Figures of rounds, and the table of bars.

use std::fmt::Write as _;

/// A figure per round.
#[derive(Debug, Clone)]
pub struct Series {
    /// Of what.
    pub name: String,
    /// One per round.
    pub rounds: Vec<f64>,
}

impl Series {
    /// With no round yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rounds: Vec::new() }
    }

    /// Over all rounds.
    pub fn median(&self) -> f64 {
        median(&self.rounds)
    }

    /// The median of the rounds' ratios: what disturbs a round disturbs both sides of it.
    pub fn ratio_to(&self, reference: &Self) -> f64 {
        let ratios: Vec<f64> = self.rounds.iter().zip(&reference.rounds).map(|(ours, theirs)| ours / theirs).collect();
        median(&ratios)
    }
}

/// The middle, NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of the values do not exceed.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Prints rates beside the first one, the reference.
pub fn tell_rates(title: &str, series: &[Series]) {
    println!("\n### {title}\n\n| | per second, median | ratio | rounds |\n|---|--:|--:|---|");
    let Some(reference) = series.first() else { return };
    for row in series {
        let rounds: Vec<String> = row.rounds.iter().map(|rate| whole(*rate)).collect();
        let (rate, ratio) = (whole(row.median()), row.ratio_to(reference));
        println!("| {} | {rate} | {ratio:.2} | {} |", row.name, rounds.join(", "));
    }
    println!();
}

/// What was measured so far.
#[derive(Debug, Default)]
pub struct Report {
    bars: Vec<Bar>,
}

#[derive(Debug)]
struct Bar {
    scenario: &'static str,
    text: String,
    measured: String,
    is_met: bool,
}

impl Report {
    /// Notes a bar and whether it is met.
    pub fn bar(&mut self, scenario: &'static str, bar: impl Into<String>, measured: impl Into<String>, is_met: bool) {
        let bar = Bar { scenario, text: bar.into(), measured: measured.into(), is_met };
        println!("  {}: {} [{}]", bar.text, bar.measured, verdict(is_met));
        self.bars.push(bar);
    }

    /// A bar of a figure that may not be less.
    pub fn at_least(&mut self, scenario: &'static str, what: &str, least: f64, measured: f64) {
        self.bar(scenario, format!("{what} ≥ {least}"), format!("{measured:.2}"), measured >= least);
    }

    /// A bar of a figure that may not be more.
    pub fn at_most(&mut self, scenario: &'static str, what: &str, most: f64, measured: f64) {
        self.bar(scenario, format!("{what} ≤ {most}"), format!("{measured:.2}"), measured <= most);
    }

    /// Whether no bar was missed.
    pub fn is_good(&self) -> bool {
        self.bars.iter().all(|bar| bar.is_met)
    }

    /// All bars as a table in Markdown.
    pub fn summary(&self) -> String {
        let mut text = "| Scenario | Bar | Measured | |\n|---|---|--:|---|\n".to_owned();
        for Bar { scenario, text: bar, measured, is_met } in &self.bars {
            writeln!(text, "| {scenario} | {bar} | {measured} | {} |", verdict(*is_met))
                .expect("writing to a String cannot fail");
        }
        text
    }
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "**not met**" }
}

/// A rate without decimals, in groups of three digits.
pub fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert!((median(&values) - 2.0).abs() < f64::EPSILON);
        assert!((percentile(&values, 99) - 4.0).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!(whole(1_234_567.4), "1,234,567");
        assert_eq!(whole(999.0), "999");
    }
}
