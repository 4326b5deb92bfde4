//! "Did you mean": what a mistyped word was most likely meant to be.

/// The known word that `word` most likely stands for; `None` if none is near.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&folded, &candidate.to_lowercase());
    let (distance, nearest) = known.into_iter().map(|candidate| (distance(candidate), candidate)).min()?;
    let longest = folded.chars().count().max(nearest.chars().count());
    (distance <= (longest / 3).clamp(1, 3)).then_some(nearest)
}

/// What to write instead of `word`: the nearest known word, else all of them.
#[must_use]
pub fn instead(word: &str, known: &[&str]) -> String {
    match nearest(word, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.is_empty() => "none are known".to_owned(),
        None => format!("known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["EC2", "RDS", "S3", "IAM_ROLE", "SECURITY_GROUP"];
        assert_eq!(nearest("ec2", known), Some("EC2"));
        assert_eq!(nearest("SECURITYGROUP", known), Some("SECURITY_GROUP"));
        assert_eq!(nearest("LAMBDA", known), None);
        assert_eq!(instead("LAMBDA", &["EC2", "S3"]), "known are EC2, S3");
    }
}
