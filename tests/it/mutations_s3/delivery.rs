//! How objects leave the bucket: to browsers, to other buckets, as events, as access logs.

use aws_sdk_s3::types::{
    AccelerateConfiguration, BucketAccelerateStatus, BucketLoggingStatus, BucketLogsPermission, CorsConfiguration,
    CorsRule, Destination, Event, FilterRule, FilterRuleName, Grantee, IndexDocument, LambdaFunctionConfiguration,
    LoggingEnabled, NotificationConfiguration, NotificationConfigurationFilter, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus, S3KeyFilter, StorageClass, TargetGrant, Type,
    WebsiteConfiguration,
};
use driftsentry::domain::severity::Severity::{Critical, Info, Warning};
use serde_json::{Value, json};

use super::{BY_USE, FREE, act, api, canonical, rewrite};
use crate::mutation::{Act, Mutation};

const LAMBDA: &str = "arn:aws:lambda:us-east-1:123456789012:function:resize";
const REPLICA: &str = "arn:aws:s3:::replica.example.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/replicate";

/// `logs` is the bucket that takes the access logs.
pub fn setup(logs: &str) -> Vec<Act> {
    vec![
        log_to(logs, "s3/", None),
        cors("https://www.example.com"),
        replication(ReplicationRuleStatus::Enabled, None),
        notification(&[Event::S3ObjectCreated], "img/"),
        accelerate(BucketAccelerateStatus::Suspended),
    ]
}

pub fn mutations() -> Vec<Mutation> {
    let mut all = logging_mutations();
    all.extend([cors_mutation(), website_mutation(), accelerate_mutation()]);
    all.extend(replication_mutations());
    all.extend(notification_mutations());
    all
}

fn log_to(bucket: &str, prefix: &str, reader: Option<&str>) -> Act {
    let logging = LoggingEnabled::builder().target_bucket(bucket).target_prefix(prefix);
    let grants = reader.map(|id| {
        let grantee = Grantee::builder().r#type(Type::CanonicalUser).id(id).build().expect("a grantee");
        vec![TargetGrant::builder().grantee(grantee).permission(BucketLogsPermission::Read).build()]
    });
    let logging = logging.set_target_grants(grants).build().expect("logging");
    let status = BucketLoggingStatus::builder().logging_enabled(logging).build();
    act!(|s3, id| s3.put_bucket_logging().bucket(id).bucket_logging_status(status.clone()))
}

/// Logging into the bucket that [`super::create`] made for it.
fn logging(prefix: &'static str, reader: Option<&'static str>) -> Act {
    Box::new(move |aws, id| {
        let logs = id.replacen("assets-", "logs-", 1);
        Box::pin(async move { log_to(&logs, prefix, reader)(aws, id).await })
    })
}

fn logging_mutations() -> Vec<Mutation> {
    let undo = || logging("s3/", None);
    let sides = (Some(json!("s3/")), Some(json!("s3/assets/")));
    let prefix = api("/Logging/TargetPrefix", sides, (Warning, BY_USE), (logging("s3/assets/", None), undo()));
    let acts = (logging("s3/", Some("0123abcd")), undo());
    let grants = api("/Logging/TargetGrants/0123abcd:READ", (None, Some(json!({}))), (Warning, BY_USE), acts);
    // The emulator drops the format of the logs' names.
    let format = json!({ "PartitionedPrefix": { "PartitionDateSource": "EventTime" } });
    let text = "<TargetPrefix>s3/</TargetPrefix>";
    let by = format!(
        "{text}<TargetObjectKeyFormat><PartitionedPrefix><PartitionDateSource>EventTime</PartitionDateSource>\
         </PartitionedPrefix></TargetObjectKeyFormat>"
    );
    let sides = (Some(json!({ "SimplePrefix": {} })), Some(format));
    let format =
        rewrite("/Logging/TargetObjectKeyFormat", sides, (Warning, BY_USE), ("GET ?logging", text, by.as_str()));
    // It drops nothing when logging ends, but the declared value then holds the bucket's name, which is not known here.
    vec![prefix, grants, format]
}

fn cors(origin: &str) -> Act {
    let rule = CorsRule::builder().allowed_methods("GET").allowed_origins(origin).build().expect("a rule");
    let config = CorsConfiguration::builder().cors_rules(rule).build().expect("a configuration");
    act!(|s3, id| s3.put_bucket_cors().bucket(id).cors_configuration(config.clone()))
}

fn cors_mutation() -> Mutation {
    let rules = |origin: &str| canonical("Cors", json!([{ "AllowedMethods": ["GET"], "AllowedOrigins": [origin] }]));
    let sides = (Some(rules("https://www.example.com")), Some(rules("*")));
    api("/Cors", sides, (Warning, FREE), (cors("*"), cors("https://www.example.com")))
}

fn website_mutation() -> Mutation {
    let index = IndexDocument::builder().suffix("index.html").build().expect("a document");
    let website = WebsiteConfiguration::builder().index_document(index).build();
    let acts: (Act, Act) = (
        act!(|s3, id| s3.put_bucket_website().bucket(id).website_configuration(website.clone())),
        act!(|s3, id| s3.delete_bucket_website().bucket(id)),
    );
    let live = canonical("Website", json!({ "IndexDocument": { "Suffix": "index.html" } }));
    api("/Website", (Some(Value::Null), Some(live)), (Critical, FREE), acts)
}

fn accelerate(status: BucketAccelerateStatus) -> Act {
    let config = AccelerateConfiguration::builder().status(status).build();
    act!(|s3, id| s3.put_bucket_accelerate_configuration().bucket(id).accelerate_configuration(config.clone()))
}

fn accelerate_mutation() -> Mutation {
    let sides = (Some(json!("Suspended")), Some(json!("Enabled")));
    let acts = (accelerate(BucketAccelerateStatus::Enabled), accelerate(BucketAccelerateStatus::Suspended));
    api("/Accelerate", sides, (Info, BY_USE), acts)
}

fn replication(status: ReplicationRuleStatus, class: Option<StorageClass>) -> Act {
    let to = Destination::builder().bucket(REPLICA).set_storage_class(class).build().expect("a destination");
    let rule = ReplicationRule::builder().id("to-replica").priority(1).status(status).destination(to);
    let rule = rule.filter(ReplicationRuleFilter::builder().prefix("").build()).build().expect("a rule");
    let config = ReplicationConfiguration::builder().role(ROLE).rules(rule).build().expect("a configuration");
    act!(|s3, id| s3.put_bucket_replication().bucket(id).replication_configuration(config.clone()))
}

fn replication_mutations() -> Vec<Mutation> {
    use ReplicationRuleStatus::{Disabled, Enabled};
    let undo = || replication(Enabled, None);
    let declared = canonical(
        "Replication",
        json!({ "Role": ROLE, "Rules": [{
            "ID": "to-replica", "Priority": 1, "Destination": { "Bucket": REPLICA },
            "DeleteMarkerReplication": { "Status": "Disabled" },
        }] }),
    );
    let one = |pointer: &str, from: Value, to: Value, live: Act| {
        let pointer = format!("/Replication{pointer}");
        api(&pointer, (Some(from), Some(to)), (Warning, BY_USE), (live, undo()))
    };
    let off: Act = act!(|s3, id| s3.delete_bucket_replication().bucket(id));
    vec![
        one("/Rules/to-replica/Status", json!("Enabled"), json!("Disabled"), replication(Disabled, None)),
        one(
            "/Rules/to-replica/Destination/StorageClass",
            Value::Null,
            json!("GLACIER"),
            replication(Enabled, Some(StorageClass::Glacier)),
        ),
        one("", declared, Value::Null, off),
    ]
}

fn notify(targets: Option<Vec<LambdaFunctionConfiguration>>) -> Act {
    let config = NotificationConfiguration::builder().set_lambda_function_configurations(targets).build();
    act!(|s3, id| s3.put_bucket_notification_configuration().bucket(id).notification_configuration(config.clone()))
}

fn notification(events: &[Event], prefix: &str) -> Act {
    let rule = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
    let key = S3KeyFilter::builder().filter_rules(rule).build();
    let target = LambdaFunctionConfiguration::builder().id("resize").lambda_function_arn(LAMBDA);
    let target =
        target.set_events(Some(events.to_vec())).filter(NotificationConfigurationFilter::builder().key(key).build());
    notify(Some(vec![target.build().expect("a target")]))
}

fn notification_mutations() -> Vec<Mutation> {
    let undo = || notification(&[Event::S3ObjectCreated], "img/");
    let below = "/Notification/LambdaFunctionConfigurations/resize";
    let one = |pointer: String, sides, live| api(&pointer, sides, (Warning, BY_USE), (live, undo()));
    let declared = canonical(
        "Notification",
        json!({ "LambdaFunctionConfigurations": { "resize": {
            "LambdaFunctionArn": LAMBDA, "Events": ["s3:ObjectCreated:*"], "Filter": { "Prefix": "img/" },
        } } }),
    );
    let resize = declared["LambdaFunctionConfigurations"]["resize"].clone();
    // The emulator takes EventBridge and does not tell it.
    let end = "</NotificationConfiguration>";
    let bridge = format!("<EventBridgeConfiguration/>{end}");
    vec![
        one(
            format!("{below}/Events/s3:ObjectRemoved:*"),
            (None, Some(json!({}))),
            notification(&[Event::S3ObjectCreated, Event::S3ObjectRemoved], "img/"),
        ),
        one(
            format!("{below}/Filter/Prefix"),
            (Some(json!("img/")), Some(json!("raw/"))),
            notification(&[Event::S3ObjectCreated], "raw/"),
        ),
        one(below.to_owned(), (Some(resize), None), notify(None)),
        rewrite(
            "/Notification/EventBridge",
            (Some(json!(false)), Some(json!(true))),
            (Warning, BY_USE),
            ("GET ?notification", end, bridge.as_str()),
        ),
    ]
}
