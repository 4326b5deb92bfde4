//! What each operation answers.

use std::collections::BTreeMap;

use super::page::{Asked, Page, Template, element, number_of};
use super::{Shared, account_of, buckets};
use crate::support::call::{Call, error_body};

/// Values of one filter, the most that EC2 takes.
const FILTER_VALUES: usize = 200;

type Parameters = BTreeMap<String, String>;

/// Status and body.
pub type Answer = (u16, String);

/// One resource of each kind as AWS writes it.
pub fn templates() -> BTreeMap<&'static str, Template> {
    [
        ("instance", include_str!("pages/instance.xml")),
        ("volume", include_str!("pages/volume.xml")),
        ("credit", include_str!("pages/credit.xml")),
        ("group", include_str!("pages/group.xml")),
        ("database", include_str!("pages/database.xml")),
        ("role_detail", include_str!("pages/role_detail.xml")),
        ("role", include_str!("pages/role.xml")),
        ("bucket", include_str!("pages/bucket.xml")),
        ("bucket_in_region", include_str!("pages/bucket_in_region.xml")),
    ]
    .map(|(name, xml)| (name, Template::new(xml)))
    .into()
}

impl Shared {
    /// The answer to a call, whoever asks.
    pub fn answer(&self, call: &Call) -> Answer {
        let asked = call.parameters();
        let answer = match call.operation.as_str() {
            "AssumeRole" => Ok((200, assumed(&asked))),
            "GetCallerIdentity" => Ok((200, caller(account_of(call)))),
            "DescribeInstances" => self.ec2(call, &asked, "instance", "reservationSet", "instance-id"),
            "DescribeVolumes" => self.ec2(call, &asked, "volume", "volumeSet", "attachment.instance-id"),
            "DescribeInstanceCreditSpecifications" => {
                self.ec2(call, &asked, "credit", "instanceCreditSpecificationSet", "")
            }
            "DescribeSecurityGroups" => self.ec2(call, &asked, "group", "securityGroupInfo", "group-id"),
            "DescribeInstanceAttribute" => Ok((200, instance_attribute(&asked))),
            "DescribeDBInstances" => self.databases(&asked),
            "GetAccountAuthorizationDetails" => self.roles(call, &asked, "role_detail", "RoleDetailList"),
            "ListRoles" => self.roles(call, &asked, "role", "Roles"),
            "ListBuckets" => self.buckets(&asked),
            operation if call.service == "s3" => Ok(buckets::answer(operation)),
            _ => Err("Action"),
        };
        answer.unwrap_or_else(|parameter| {
            let message = format!("{} does not take this {parameter}", call.operation);
            (400, error_body(&call.service, "InvalidParameterValue", &message))
        })
    }

    fn ec2(
        &self,
        call: &Call,
        asked: &Parameters,
        item: &str,
        set: &str,
        filter: &str,
    ) -> Result<Answer, &'static str> {
        let listing = Asked { parameters: asked, size: ("MaxResults", 5..=1000, 1000), token: "NextToken" };
        let page = match filtered(asked, filter)? {
            None => listing.page(0..self.habits.live, 1000)?,
            Some(numbers) => {
                let live: Vec<usize> = numbers.into_iter().filter(|number| *number < self.habits.live).collect();
                listing.page(live.into_iter(), 1000)?
            }
        };
        let (items, next) = (self.write(item, &page), element("nextToken", page.next.as_deref()));
        let (operation, namespace) = (&call.operation, "http://ec2.amazonaws.com/doc/2016-11-15/");
        let body = format!("<requestId>r</requestId><{set}>{items}</{set}>{next}");
        Ok((200, format!("<{operation}Response xmlns=\"{namespace}\">{body}</{operation}Response>")))
    }

    fn databases(&self, asked: &Parameters) -> Result<Answer, &'static str> {
        let listing = Asked { parameters: asked, size: ("MaxRecords", 20..=100, 100), token: "Marker" };
        let page = listing.page(0..self.habits.live, 100)?;
        let (items, next) = (self.write("database", &page), element("Marker", page.next.as_deref()));
        let body = format!("{next}<DBInstances>{items}</DBInstances>");
        Ok((200, query_answer("DescribeDBInstances", "http://rds.amazonaws.com/doc/2014-10-31/", &body)))
    }

    fn roles(&self, call: &Call, asked: &Parameters, item: &str, list: &str) -> Result<Answer, &'static str> {
        let listing = Asked { parameters: asked, size: ("MaxItems", 1..=1000, 100), token: "Marker" };
        let page = listing.page(0..self.habits.live, self.habits.most_roles_a_page)?;
        let (items, next) = (self.write(item, &page), element("Marker", page.next.as_deref()));
        let truncated = page.next.is_some();
        let body = format!("<IsTruncated>{truncated}</IsTruncated>{next}<{list}>{items}</{list}>");
        Ok((200, query_answer(&call.operation, "https://iam.amazonaws.com/doc/2010-05-08/", &body)))
    }

    fn buckets(&self, asked: &Parameters) -> Result<Answer, &'static str> {
        let size = ("max-buckets", 1..=10_000, 10_000);
        let page = Asked { parameters: asked, size, token: "continuation-token" }.page(0..self.habits.live, 10_000)?;
        let is_told = self.habits.tells_bucket_regions && asked.keys().any(|name| name != "x-id");
        let items = self.write(if is_told { "bucket_in_region" } else { "bucket" }, &page);
        let next = element("ContinuationToken", page.next.as_deref());
        let body = format!("<Owner><ID>75aa57f09aa0c8ca</ID></Owner><Buckets>{items}</Buckets>{next}");
        let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
        Ok((200, format!("<ListAllMyBucketsResult xmlns=\"{namespace}\">{body}</ListAllMyBucketsResult>")))
    }

    fn write(&self, item: &str, page: &Page) -> String {
        self.templates[item].write(page.numbers.iter().copied())
    }
}

/// The numbers that a filter names; `None` if there is no filter.
fn filtered(asked: &Parameters, filter: &str) -> Result<Option<Vec<usize>>, &'static str> {
    match asked.get("Filter.1.Name") {
        None => return Ok(None),
        Some(name) if name == filter => {}
        Some(_) => return Err("Filter"),
    }
    let values = asked.iter().filter(|(name, _)| name.starts_with("Filter.1.Value."));
    let mut numbers: Vec<usize> = values.clone().filter_map(|(_, id)| number_of(id)).collect();
    numbers.sort_unstable();
    if values.count() > FILTER_VALUES { Err("Filter") } else { Ok(Some(numbers)) }
}

fn query_answer(operation: &str, namespace: &str, result: &str) -> String {
    format!(
        "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{result}</{operation}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{operation}Response>"
    )
}

fn instance_attribute(asked: &Parameters) -> String {
    let empty = String::new();
    let (id, name) = (asked.get("InstanceId").unwrap_or(&empty), asked.get("Attribute").unwrap_or(&empty));
    let value = match name.as_str() {
        "instanceInitiatedShutdownBehavior" => "<value>stop</value>",
        "userData" => "",
        _ => "<value>false</value>",
    };
    format!(
        "<DescribeInstanceAttributeResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <instanceId>{id}</instanceId><{name}>{value}</{name}></DescribeInstanceAttributeResponse>"
    )
}

fn assumed(asked: &Parameters) -> String {
    let role = asked.get("RoleArn").map_or("", String::as_str);
    let account = role.split(':').nth(4).unwrap_or_default();
    let result = format!(
        "<AssumedRoleUser><AssumedRoleId>AROA:driftsentry</AssumedRoleId>\
         <Arn>arn:aws:sts::{account}:assumed-role/scan/driftsentry</Arn></AssumedRoleUser><Credentials>\
         <AccessKeyId>ASIA{account}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
    );
    query_answer("AssumeRole", "https://sts.amazonaws.com/doc/2011-06-15/", &result)
}

fn caller(account: &str) -> String {
    let result = format!("<Arn>arn:aws:iam::{account}:user/u</Arn><UserId>U</UserId><Account>{account}</Account>");
    query_answer("GetCallerIdentity", "https://sts.amazonaws.com/doc/2011-06-15/", &result)
}
