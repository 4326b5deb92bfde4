//! How objects and events leave a bucket: to browsers, to other buckets, to those who listen, as logs.

use serde_json::{Map, Value, json};

use super::super::block::{Block, object};
use super::super::mapping::{Mapping, Rank, TerraformType};
use super::access::grant;
use super::{aspect, attributes, replication, website};
use crate::resource::cors;

/// The tables.
pub(in super::super) const TYPES: &[TerraformType] = &[
    aspect("aws_s3_bucket_logging", LOGGING),
    aspect("aws_s3_bucket_cors_configuration", CORS),
    aspect("aws_s3_bucket_website_configuration", WEBSITE),
    aspect("aws_s3_bucket_replication_configuration", REPLICATION),
    aspect("aws_s3_bucket_notification", NOTIFICATION),
    aspect("aws_s3_bucket_accelerate_configuration", ACCELERATE),
];

const LOGGING: &[Mapping] = &[Mapping {
    aws: "Logging",
    from: &[
        ("target_bucket", "/TargetBucket"),
        ("target_prefix", "/TargetPrefix"),
        ("target_grant[*].grantee[0].id", "/TargetGrants"),
        ("target_grant[*].grantee[0].uri", "/TargetGrants"),
        ("target_grant[*].grantee[0].email_address", "/TargetGrants"),
        ("target_grant[*].permission", "/TargetGrants"),
        ("target_object_key_format[0].partitioned_prefix[0].partition_date_source", "/TargetObjectKeyFormat"),
    ],
    note: "",
    rank: Rank::Split,
    read: |instance| logging(attributes(instance)),
}];

const CORS: &[Mapping] = &[Mapping {
    aws: "Cors",
    from: &[
        ("cors_rule[*].id", ""),
        ("cors_rule[*].allowed_headers[*]", ""),
        ("cors_rule[*].allowed_methods[*]", ""),
        ("cors_rule[*].allowed_origins[*]", ""),
        ("cors_rule[*].expose_headers[*]", ""),
        ("cors_rule[*].max_age_seconds", ""),
    ],
    note: "the first rule that matches counts, but a state does not keep the order: not compared where one request may \
           match two rules",
    rank: Rank::Split,
    read: |instance| {
        let rules: Vec<Value> = attributes(instance).blocks("cors_rule").into_iter().map(cors_rule).collect();
        let order_is_free =
            (1..rules.len()).all(|at| rules[..at].iter().all(|other| !cors::may_both_match(other, &rules[at])));
        (!rules.is_empty() && order_is_free).then(|| rules.into())
    },
}];

const WEBSITE: &[Mapping] = &[Mapping {
    aws: "Website",
    from: website::SPLIT,
    note: "routing rules as blocks or as JSON text",
    rank: Rank::Split,
    read: |instance| Some(website::website(attributes(instance))),
}];

const REPLICATION: &[Mapping] = &[Mapping {
    aws: "Replication",
    from: replication::SPLIT,
    note: "rules by id; no filter and an empty one both select the whole bucket",
    rank: Rank::Split,
    read: |instance| Some(replication::replication(attributes(instance))),
}];

const NOTIFICATION: &[Mapping] = &[Mapping {
    aws: "Notification",
    from: &[
        ("eventbridge", "/EventBridge"),
        ("topic[*].id", "/TopicConfigurations"),
        ("topic[*].topic_arn", "/TopicConfigurations/*/TopicArn"),
        ("topic[*].events[*]", "/TopicConfigurations/*/Events"),
        ("topic[*].filter_prefix", "/TopicConfigurations/*/Filter/Prefix"),
        ("topic[*].filter_suffix", "/TopicConfigurations/*/Filter/Suffix"),
        ("queue[*].id", "/QueueConfigurations"),
        ("queue[*].queue_arn", "/QueueConfigurations/*/QueueArn"),
        ("queue[*].events[*]", "/QueueConfigurations/*/Events"),
        ("queue[*].filter_prefix", "/QueueConfigurations/*/Filter/Prefix"),
        ("queue[*].filter_suffix", "/QueueConfigurations/*/Filter/Suffix"),
        ("lambda_function[*].id", "/LambdaFunctionConfigurations"),
        ("lambda_function[*].lambda_function_arn", "/LambdaFunctionConfigurations/*/LambdaFunctionArn"),
        ("lambda_function[*].events[*]", "/LambdaFunctionConfigurations/*/Events"),
        ("lambda_function[*].filter_prefix", "/LambdaFunctionConfigurations/*/Filter/Prefix"),
        ("lambda_function[*].filter_suffix", "/LambdaFunctionConfigurations/*/Filter/Suffix"),
    ],
    note: "configurations by id; the resource names all that the bucket may have",
    rank: Rank::Split,
    read: |instance| {
        let block = attributes(instance);
        let targets = |name: &str, arn: &str, aws: &str| {
            let targets = block.blocks(name).into_iter().map(|to| target(to, arn, aws));
            Some(targets.collect())
        };
        Some(object([
            ("TopicConfigurations", targets("topic", "topic_arn", "TopicArn")),
            ("QueueConfigurations", targets("queue", "queue_arn", "QueueArn")),
            ("LambdaFunctionConfigurations", targets("lambda_function", "lambda_function_arn", "LambdaFunctionArn")),
            ("EventBridge", Some(block.flag("eventbridge").unwrap_or_default().into())),
        ]))
    },
}];

const ACCELERATE: &[Mapping] = &[Mapping {
    aws: "Accelerate",
    from: &[("status", "")],
    note: "",
    rank: Rank::Split,
    read: |instance| attributes(instance).text("status").map(Value::from),
}];

/// Access logging, in a resource of its own or inline: the inline form has less.
pub(super) fn logging(logging: Block<'_>) -> Option<Value> {
    let grants: Vec<Value> = logging.blocks("target_grant").into_iter().map(grant).collect();
    let format = logging.block("target_object_key_format").and_then(|format| format.block("partitioned_prefix"));
    let format = format.map(|prefix| {
        let source = prefix.text("partition_date_source").map(Value::from);
        json!({ "PartitionedPrefix": object([("PartitionDateSource", source)]) })
    });
    Some(object([
        ("TargetBucket", Some(logging.text("target_bucket")?.into())),
        ("TargetPrefix", logging.text("target_prefix").map(Value::from)),
        ("TargetGrants", Some(grants.into())),
        ("TargetObjectKeyFormat", format),
    ]))
}

/// A CORS rule, which has one form everywhere. Only the inline form of old cannot have an id.
pub(super) fn cors_rule(rule: Block<'_>) -> Value {
    let texts = |name| Some(rule.texts(name).into());
    object([
        ("ID", rule.text("id").map(Value::from)),
        ("AllowedHeaders", texts("allowed_headers")),
        ("AllowedMethods", texts("allowed_methods")),
        ("AllowedOrigins", texts("allowed_origins")),
        ("ExposeHeaders", texts("expose_headers")),
        ("MaxAgeSeconds", rule.positive("max_age_seconds").map(Value::from)),
    ])
}

fn target(target: Block<'_>, arn: &str, aws: &str) -> Value {
    let text = |name| target.text(name).map(Value::from);
    let filter = object([("Prefix", text("filter_prefix")), ("Suffix", text("filter_suffix"))]);
    let mut configuration = Map::new();
    configuration.extend(text("id").map(|id| ("Id".to_owned(), id)));
    configuration.extend(text(arn).map(|arn| (aws.to_owned(), arn)));
    configuration.insert("Events".to_owned(), target.texts("events").into());
    configuration.insert("Filter".to_owned(), filter);
    configuration.into()
}
