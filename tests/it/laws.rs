//! Laws that every resource type keeps. They iterate [`BUILTIN`], so a new type is tested the moment it is listed.

use std::collections::BTreeSet;

use driftsentry::domain::cost::Prices;
use driftsentry::domain::diff::{Change, law_holds, patch, revert};
use driftsentry::domain::id::Region;
use driftsentry::domain::schema::Shape;
use driftsentry::domain::state::{ResourceState, escape};
use driftsentry::resource::{BUILTIN, ResourceType, changes_of, find};
use proptest::prelude::*;
use proptest::strategy::Union;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

fn normalized(kind: &dyn ResourceType, mut state: ResourceState) -> ResourceState {
    kind.normalize(&mut state);
    state
}

/// Runs a property over values of `strategy` for a type; fails with the type's name.
fn holds<S: Strategy>(kind: &dyn ResourceType, strategy: &S, law: impl Fn(S::Value)) {
    let config = Config { failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(strategy, |value| {
        law(value);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{}: {error}", kind.name()));
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9:/~.-]{0,8}".prop_map(Value::from),
        Just(json!("0.0.0.0/0")),
        Just(json!("*")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[A-Za-z/~:]{1,6}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

fn any_policy() -> BoxedStrategy<Value> {
    let statement = |effect: &str, action: &str, principal: &str| json!({"Effect": effect, "Action": action, "Resource": "*", "Principal": {"AWS": principal}});
    let statements = vec![
        statement("Allow", "s3:GetObject", "*"),
        statement("Deny", "s3:*", "*"),
        statement("Allow", "sts:AssumeRole", "123456789012"),
    ];
    prop::sample::subsequence(statements, 0..=3)
        .prop_map(|statements| json!({"Version": "2012-10-17", "Statement": statements}))
        .boxed()
}

/// Values of the form that a shape demands.
fn value_of(shape: &'static Shape) -> BoxedStrategy<Value> {
    let key = "[a-z/~]{1,3}";
    match shape {
        Shape::Text => "[a-zA-Z0-9:/. -]{0,6}".prop_map(Value::from).boxed(),
        Shape::Flag => any::<bool>().prop_map(Value::from).boxed(),
        Shape::Integer => (0..100_000_i64).prop_map(Value::from).boxed(),
        Shape::Policy => any_policy(),
        Shape::Set => prop::collection::btree_map(key, Just(json!({})), 0..3).prop_map(|map| json!(map)).boxed(),
        Shape::Tags => prop::collection::btree_map(key, key, 0..3).prop_map(|map| json!(map)).boxed(),
        Shape::Map(inner) => prop::collection::btree_map(key, value_of(inner), 0..3).prop_map(|map| json!(map)).boxed(),
        Shape::List(inner) => prop::collection::vec(value_of(inner), 0..3).prop_map(Value::from).boxed(),
        Shape::Object(fields) => {
            let mut object = Just(Map::new()).boxed();
            for field in *fields {
                let value = prop::option::of(value_of(&field.shape));
                object = (object, value)
                    .prop_map(|(mut object, value)| {
                        object.extend(value.map(|value| (field.name.to_owned(), value)));
                        object
                    })
                    .boxed();
            }
            object.prop_map(Value::Object).boxed()
        }
        Shape::Any => any_json().boxed(),
    }
}

/// The example with some attributes replaced by others of the right form, or left out.
fn state_of(kind: &'static dyn ResourceType) -> BoxedStrategy<ResourceState> {
    let mut state = Just(kind.example()).boxed();
    for attribute in kind.attributes() {
        let choice = Union::new_weighted(vec![
            (2, Just(None).boxed()),
            (1, Just(Some(None)).boxed()),
            (2, value_of(&attribute.shape).prop_map(|value| Some(Some(value))).boxed()),
        ]);
        state = (state, choice)
            .prop_map(|(mut state, choice)| {
                match choice {
                    None => {}
                    Some(None) => drop(state.remove(attribute.name)),
                    Some(Some(value)) => state.set(attribute.name, value),
                }
                state
            })
            .boxed();
    }
    state
}

#[test]
fn every_type_has_a_name_of_its_own_and_says_what_it_is() {
    let names: BTreeSet<&str> = BUILTIN.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), BUILTIN.len());
    for kind in BUILTIN {
        assert!(kind.name().chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
        assert!(find(kind.name()).is_some_and(|found| found.name() == kind.name()));
        assert!(!kind.id_form().is_empty(), "{}", kind.name());
        assert!(!kind.scan_actions().is_empty(), "{}", kind.name());
        for action in kind.scan_actions() {
            let well_formed = action.split_once(':').is_some_and(|(service, name)| {
                service.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
                    && name.starts_with(|c: char| c.is_ascii_uppercase())
            });
            assert!(well_formed, "{}: {action}", kind.name());
        }
    }
}

#[test]
fn every_attribute_is_described_once_and_shown_in_the_example() {
    for kind in BUILTIN {
        let example = kind.example();
        let names: BTreeSet<&str> = kind.attributes().iter().map(|attribute| attribute.name).collect();
        assert_eq!(names.len(), kind.attributes().len(), "{}: an attribute stands twice", kind.name());
        assert_eq!(names, example.names().collect(), "{}: the example shows every attribute", kind.name());
        for attribute in kind.attributes() {
            assert!(!attribute.doc.is_empty() && !attribute.doc.contains('\n'), "{}/{}", kind.name(), attribute.name);
        }
        for (name, _) in kind.usage_priced() {
            assert!(names.contains(name), "{}: {name} is priced by usage but is no attribute", kind.name());
        }
    }
}

#[test]
fn every_example_is_valid_canonical_and_equal_to_itself() {
    for kind in BUILTIN {
        let example = kind.example();
        assert_eq!(kind.check(&example), [], "{}", kind.name());
        let canonical = normalized(*kind, example.clone());
        assert_eq!(canonical.to_value(), example.to_value(), "{}", kind.name());
        assert_eq!(changes_of(*kind, &example, &example), [], "{}", kind.name());
        let text = serde_json::to_string(&example).unwrap();
        let read: ResourceState = serde_json::from_str(&text).unwrap();
        assert_eq!(normalized(*kind, read), example, "{}", kind.name());
    }
}

#[test]
fn to_normalise_twice_is_to_normalise_once() {
    for kind in BUILTIN {
        holds(*kind, &state_of(*kind), |state| {
            let once = normalized(*kind, state);
            assert_eq!(normalized(*kind, once.clone()).to_value(), once.to_value());
        });
    }
}

#[test]
fn the_difference_leads_from_expected_to_actual_and_its_changes_lead_back() {
    for kind in BUILTIN {
        holds(*kind, &(state_of(*kind), state_of(*kind)), |(expected, actual)| {
            let (expected, actual) = (normalized(*kind, expected), normalized(*kind, actual));
            let difference = patch(&expected.to_value(), &actual.to_value());
            assert!(law_holds(&expected.to_value(), &difference, &actual.to_value()), "patch law");
            let changes = changes_of(*kind, &expected, &actual);
            assert_eq!(changes.is_empty(), expected == actual);
            let mut reverted = actual;
            for change in &changes {
                revert(&mut reverted, change);
            }
            assert_eq!(reverted.to_value(), expected.to_value(), "all changes reverted");
        });
    }
}

#[test]
fn what_is_as_declared_stays_so_when_it_is_aligned() {
    for kind in BUILTIN {
        holds(*kind, &state_of(*kind), |state| {
            let declared = normalized(*kind, state);
            let mut live = declared.clone();
            kind.align(&declared, &mut live);
            assert_eq!(live.to_value(), declared.to_value());
        });
    }
}

#[test]
fn no_value_however_strange_breaks_a_type() {
    for kind in BUILTIN {
        let attribute = prop::sample::select(kind.attributes().iter().map(|a| a.name).collect::<Vec<_>>());
        let keys = prop::collection::vec("[a-zA-Z0-9:/~.*-]{0,10}", 0..3);
        let side = || prop::option::of(any_json());
        let region = Region::from("us-east-1");
        let prices = Prices::default();
        holds(*kind, &(attribute, keys, side(), side()), |(attribute, keys, from, to)| {
            let state = ResourceState::new().with(attribute, from.clone().unwrap_or_default());
            let canonical = normalized(*kind, state.clone());
            assert!(kind.check(&state).iter().all(|problem| problem.pointer.starts_with('/')));
            let mut aligned = ResourceState::new().with(attribute, to.clone().unwrap_or_default());
            kind.align(&canonical, &mut aligned);
            kind.monthly_cost(&canonical, &region, &prices);
            kind.is_aws_owned("x", &canonical);
            let pointer: String = keys.iter().fold(format!("/{attribute}"), |at, key| format!("{at}/{}", escape(key)));
            kind.severity(&Change { pointer, from, to });
        });
    }
}

#[test]
fn a_name_that_no_type_has_is_refused_with_a_place() {
    for kind in BUILTIN {
        let problems = kind.check(&ResourceState::new().with("NoSuchAttribute", json!(1)));
        assert!(problems.iter().any(|problem| problem.pointer == "/NoSuchAttribute"), "{}", kind.name());
    }
}
