//! Order and spelling mean nothing, on either side.

use serde_json::Value;

use super::applied::apply;
use super::shuffle::Shuffle;
use super::stage::{OURS, Stage, of_others, ours};

const SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

#[tokio::test]
async fn order_and_spelling_on_either_side_are_no_drift() {
    let states = OURS.map(|name| (name.to_owned(), ours(name))).into_iter().chain(of_others());
    for (name, state) in states {
        let plain = Stage::of(&state).await.look().await;
        for seed in SEEDS {
            let mut chance = Shuffle::new(seed);
            let mut applied = apply(&state);
            applied.estate.order = seed;
            applied.estate.resources.values_mut().for_each(|resource| chance.tree(&mut resource.tree));
            let mut state = state.clone();
            mix(&mut chance, &mut state);
            let seen = Stage::with(&state, applied).await.look().await;
            assert_eq!(seen.changes(), Vec::<String>::new(), "{name}, seed {seed}");
            assert_eq!((seen.judged, seen.errors.len()), (plain.judged, plain.errors.len()), "{name}, seed {seed}");
        }
    }
}

/// Resources, instances and sets of a state in another order; instances with an index keep it.
fn mix(chance: &mut Shuffle, state: &mut Value) {
    let Some(resources) = state["resources"].as_array_mut() else { return };
    chance.order(resources);
    for resource in resources.iter_mut() {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        let Some(instances) = resource["instances"].as_array_mut() else { continue };
        chance.order(instances);
        for attributes in instances.iter_mut().map(|instance| &mut instance["attributes"]) {
            chance.tree(attributes);
            // A list in old versions of the provider, a set since the rules are a resource of their own.
            if let ("aws_s3_bucket_cors_configuration", Some(rules)) =
                (kind.as_str(), attributes["cors_rule"].as_array_mut())
            {
                chance.order(rules);
            }
        }
    }
}

#[test]
fn a_shuffled_document_has_other_words_and_nothing_is_lost() {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"*"}]}"#;
    let policy: Value = serde_json::from_str(policy).expect("JSON");
    let spelled: std::collections::BTreeSet<String> =
        (1..20).map(|seed| Shuffle::new(seed).respelled(&policy)).collect();
    assert!(spelled.len() > 10, "{spelled:?}");
    assert!(spelled.iter().all(|text| text.contains("a:B") && text.contains("a:C") && text.contains("Version")));
    let mut order = [1, 2, 3];
    Shuffle::new(0).order(&mut order);
    assert_eq!(order, [1, 2, 3], "the seed 0 leaves all as it is");
}
