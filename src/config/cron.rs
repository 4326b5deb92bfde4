//! Cron expressions of schedules: seconds first, checked as the scheduler will read them.

use chrono::{DateTime, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

const FORM: &str = "write six fields, seconds first: \"0 */15 * * * *\" is every 15 minutes";
const NICKNAMES: [&str; 6] = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@hourly"];

/// Reads a seconds-first cron expression that fires at least once.
///
/// # Errors
/// With what is wrong and what to write instead.
pub fn parse(text: &str) -> Result<Cron, String> {
    let trimmed = text.trim();
    let fields = trimmed.split_whitespace().count();
    match fields {
        1 if NICKNAMES.contains(&trimmed.to_ascii_lowercase().as_str()) => {}
        5 => return Err(format!("`{text}` has five fields, without seconds: write `0 {trimmed}`")),
        6 => {}
        _ => return Err(format!("`{text}` is no cron expression: {FORM}")),
    }
    // The same settings as the scheduler's own parser, save for the year.
    let parser = CronParser::builder().seconds(Seconds::Required).year(Year::Disallowed).dom_and_dow(true).build();
    let cron = parser.parse(trimmed).map_err(|error| format!("`{text}` is no cron expression: {error} {FORM}"))?;
    // Without a year field the calendar repeats, so any start tells whether it ever fires.
    match cron.find_next_occurrence(&DateTime::<Utc>::UNIX_EPOCH, true) {
        Ok(_) => Ok(cron),
        Err(_) => Err(format!("`{text}` never fires: no day of the calendar matches it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn six_fields_and_nicknames_are_taken() {
        for text in ["0 */15 * * * *", " 30 0 6 * * MON-FRI ", "0 0 0 L * *", "@daily", "0 0 0 29 2 *"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        let error = |text: &str| parse(text).map(drop).expect_err(text);
        assert!(error("*/15 * * * *").contains("write `0 */15 * * * *`"));
        assert!(error("0 0 0 30 2 *").contains("never fires"));
        assert!(error("0 0 0 * 13 *").contains("out of bounds"));
        assert!(error("").contains("six fields"));
        assert!(error("0 0 0 1 1 * 2030").contains("six fields"));
        assert!(error("@sometimes").contains("six fields"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-*/0-9,A-Z#?+@ é]{0,24}") {
            drop(parse(&text));
        }
    }
}
