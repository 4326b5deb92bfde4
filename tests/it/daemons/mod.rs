//! Daemons as processes of their own: two on one database, killed, stopped, cut off.

mod http;
mod losses;
mod stops;
mod ticks;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{IpPermission, IpRange};
use chrono::TimeDelta;
use driftsentry::clock::{Clock as _, SystemClock};
use driftsentry::embedded::sink::Sink;
use driftsentry::embedded::smtp::{Smtp, SmtpOptions};
use driftsentry::resource::Aws;
use driftsentry::shutdown::Shutdown;
use serde_json::json;
use sqlx::PgPool;

use crate::support::{Place, Proxy, TestDatabase, World, config, host, until};

/// Security groups that are declared without any rule, and all that a daemon needs to watch them.
struct Stage {
    database: TestDatabase,
    /// Before AWS.
    proxy: Proxy,
    /// Receives every alert.
    sink: Sink,
    world: World,
    aws: Aws,
    groups: Vec<String>,
}

impl Stage {
    /// A stage with this many groups.
    async fn new(groups: usize) -> Self {
        let (database, world) = (TestDatabase::new().await, World::new().await);
        let (proxy, aws) = (Proxy::before(&world).await, world.aws("us-east-1").await);
        let sink = Sink::start(&Shutdown::new(Duration::from_secs(5))).await.expect("a sink");
        let vpc = aws.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("a VPC");
        let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id()).expect("its id").to_owned();
        let mut ids = Vec::new();
        for n in 0..groups {
            let group = aws.ec2.create_security_group().group_name(format!("g{n}")).description("d").vpc_id(&vpc);
            ids.push(group.send().await.expect("a group").group_id().expect("its id").to_owned());
        }
        Self { database, proxy, sink, world, aws, groups: ids }
    }

    /// A place whose configuration watches the groups; `more` is further TOML.
    fn place(&self, more: &str) -> Place {
        self.place_with(&self.database.url(), more)
    }

    /// The same by way of another URL of the database.
    fn place_with(&self, url: &str, more: &str) -> Place {
        let place = Place::new(&self.config(url, more));
        let declared =
            |id: &String| json!({"resource_type": "SECURITY_GROUP", "resource_id": id, "state": {"IngressRules": {}}});
        let document = json!({"resources": self.groups.iter().map(declared).collect::<Vec<_>>()});
        place.write("expected/groups.json", &document.to_string());
        place
    }

    fn config(&self, url: &str, more: &str) -> String {
        let hook = self.sink.url();
        let more = format!(
            "[queue]\nlease = \"3s\"\n[[expected]]\nkind = \"json\"\npath = \"expected\"\n\
             [[channels]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"{hook}\"\n[[routes]]\nchannels = [\"hook\"]\n{more}"
        );
        config(&self.world, &self.proxy.url, url, &more)
    }

    /// Opens a port of a group: a critical drift.
    async fn open(&self, group: usize) {
        let rule = IpPermission::builder().ip_protocol("tcp").from_port(22).to_port(22);
        let rule = rule.ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build()).build();
        let opened = self.aws.ec2.authorize_security_group_ingress().group_id(&self.groups[group]).ip_permissions(rule);
        opened.send().await.expect("open a port");
    }

    /// Lets the schedule look as if it had been known for a day without a tick, so that one scan is due at once.
    async fn owe_a_tick(&self, cron: &str) {
        let owe = "insert into schedules (name, cron, timezone, first_seen_at)
                   values ('all', $1, 'UTC', now() - interval '1 day')";
        sqlx::query(owe).bind(cron).execute(self.pool()).await.expect("a schedule");
    }

    fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    /// A number that the database tells.
    async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(self.pool()).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Waits until the number is at least this.
    async fn reaches(&self, least: i64, sql: &'static str) {
        until(sql, async || (self.count(sql).await >= least).then_some(())).await;
    }

    /// The webhook ids of the messages that arrived, in order.
    fn hook_ids(&self) -> Vec<String> {
        self.sink.requests().iter().map(|request| request.headers["webhook-id"].clone()).collect()
    }
}

/// A schedule called `all` of the security groups.
fn schedule(cron: &str) -> String {
    format!("[[schedules]]\nname = \"all\"\ncron = \"{cron}\"\nresource_types = [\"SECURITY_GROUP\"]\n")
}

/// An hourly tick that is this far from now, so that none comes while a test runs.
fn hourly_in(minutes: i64) -> String {
    (SystemClock.now() + TimeDelta::minutes(minutes)).format("0 %-M * * * *").to_string()
}

#[tokio::test]
async fn two_daemons_scan_each_tick_once_and_deliver_each_alert_once() {
    let stage = Stage::new(8).await;
    let smtp = Smtp::start(&host(), &SmtpOptions::default()).await.expect("a mail server");
    let mail = format!(
        "[[channels]]\nname = \"mail\"\nkind = \"email\"\nsmtp_url = \"smtp://127.0.0.1:{}\"\n\
         from = \"driftsentry@example.com\"\nto = [\"ops@example.com\"]\n[[routes]]\nchannels = [\"mail\"]\n",
        smtp.port()
    );
    let place = stage.place(&format!("{mail}{}", schedule("*/2 * * * * *")));
    for group in 0..4 {
        stage.open(group).await;
    }
    let (one, other) = (place.start(&[]), place.start(&[]));
    stage.reaches(3, "select count(*) from schedule_ticks").await;
    for group in 4..8 {
        stage.open(group).await;
    }
    stage.reaches(6, "select count(*) from schedule_ticks").await;
    stage.reaches(16, "select count(*) from deliveries where state = 'delivered'").await;
    one.stop().await;
    other.stop().await;

    let scanned = stage.count("select count(distinct scan_id) from schedule_ticks where outcome = 'scanned'").await;
    assert_eq!(stage.count("select count(*) from scans").await, scanned, "a scan for each tick, and none beside");
    // A tick may have come just before the end: its scan waits for the next daemon.
    assert_eq!(stage.count("select count(*) from scans where status in ('partial', 'failed')").await, 0);
    assert_eq!(stage.count("select count(*) from jobs where state in ('running', 'discarded')").await, 0);
    assert_eq!(stage.count("select count(*) from drifts").await, 8);
    assert_eq!(stage.count("select count(*) from alerts").await, 8);
    assert_eq!(stage.count("select count(*) from deliveries where attempts <> 1").await, 0);
    let ids = stage.hook_ids();
    assert_eq!((ids.len(), ids.into_iter().collect::<BTreeSet<_>>().len()), (8, 8), "each webhook once");
    let mails = smtp.mails().expect("the mails");
    let ids: BTreeSet<&str> = mails.iter().map(|mail| mail.headers["Message-ID"].as_str()).collect();
    assert_eq!((mails.len(), ids.len()), (8, 8), "each mail once");
}
