//! The ground the tests stand on holds.

use std::time::Duration;

use aws_sdk_ec2::error::ProvideErrorMetadata;
use driftsentry::embedded::sink::{Answer, Sink};
use driftsentry::embedded::smtp::{Smtp, SmtpOptions, Tls};
use driftsentry::shutdown::Shutdown;
use lettre::message::MultiPart;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use crate::support::{Effect, Proxy, Rule, TestDatabase, World, host};

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = (TestDatabase::new().await, TestDatabase::new().await);
    let insert = "insert into users (email, password_hash) values ('a@example.com', 'x')";
    sqlx::query(insert).execute(&one.pool).await.expect("insert a user");
    let count: i64 =
        sqlx::query_scalar("select count(*) from users").fetch_one(&other.pool).await.expect("count users");
    assert_eq!(count, 0);
}

#[tokio::test]
async fn each_test_has_an_aws_account_of_its_own() {
    let (one, other) = (World::new().await, World::new().await);
    let (one, other) = (one.aws("eu-west-1").await, other.aws("eu-west-1").await);
    let made = one.ec2.create_vpc().cidr_block("10.0.0.0/16").send().await.expect("create a VPC");
    let id = made.vpc().and_then(|vpc| vpc.vpc_id()).expect("its id").to_owned();
    let here = one.ec2.describe_vpcs().vpc_ids(&id).send().await.expect("describe it");
    assert_eq!(here.vpcs()[0].owner_id(), Some(one.account_id.as_str()));
    other.ec2.describe_vpcs().vpc_ids(&id).send().await.expect_err("it is unknown in the other account");
}

#[tokio::test]
async fn the_proxy_counts_and_rewrites() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    let bucket = world.unique("reports");
    aws.s3.create_bucket().bucket(&bucket).send().await.expect("create a bucket");
    aws.s3.get_bucket_acl().bucket(&bucket).send().await.expect("read its grants");
    proxy.add(Rule::on("ListBuckets", Effect::Rewrite(bucket.clone(), "another".to_owned())));
    let buckets = aws.s3.list_buckets().max_buckets(1000).send().await.expect("list buckets");
    assert!(buckets.buckets().iter().any(|bucket| bucket.name() == Some("another")));
    aws.ec2.describe_vpcs().send().await.expect("describe VPCs");
    let counts = proxy.counts();
    for operation in ["PUT bucket", "GET ?acl", "ListBuckets", "DescribeVpcs"] {
        assert_eq!(counts.get(operation), Some(&1), "{operation} in {counts:?}");
    }
}

#[tokio::test]
async fn the_proxy_answers_errors_in_each_services_own_shape() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    proxy.add(Rule::on("*", Effect::Denied));
    let ec2 = aws.ec2.describe_vpcs().send().await.expect_err("denied");
    let rds = aws.rds.describe_db_instances().send().await.expect_err("denied");
    let iam = aws.iam.list_roles().send().await.expect_err("denied");
    let s3 = aws.s3.list_buckets().send().await.expect_err("denied");
    assert_eq!(
        [ec2.code(), rds.code(), iam.code(), s3.code()],
        [Some("UnauthorizedOperation"), Some("AccessDenied"), Some("AccessDenied"), Some("AccessDenied")]
    );
}

#[tokio::test]
async fn the_proxy_breaks_answers_off() {
    let world = World::new().await;
    let proxy = Proxy::before(&world).await;
    let aws = world.through(&proxy.url).aws("us-east-1").await;
    for effect in [Effect::HalfBody, Effect::Cut] {
        proxy.add(Rule::on("DescribeVpcs", effect));
        aws.ec2.describe_vpcs().send().await.expect_err("half an answer");
        proxy.clear_rules();
    }
    proxy.add(Rule::on("DescribeVpcs", Effect::Broken).only_call(1));
    aws.ec2.describe_vpcs().send().await.expect("the second attempt succeeds");
}

#[tokio::test]
async fn the_mail_server_stores_mails_and_refuses_as_told() {
    let options = SmtpOptions { answers: vec!["451 later".to_owned()], ..SmtpOptions::default() };
    let smtp = Smtp::start(&host(), &options).await.expect("a mail server");
    let url = format!("smtp://127.0.0.1:{}", smtp.port());
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url).expect("a URL").build();
    transport.send(mail()).await.expect_err("451");
    transport.send(mail()).await.expect("250");
    let mails = smtp.mails().expect("stored mails");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Größe geändert");
    assert_eq!(mails[0].text.as_deref().map(str::trim), Some("from 1 € to 2 €"));
    assert!(!mails[0].tls);
    smtp.stop().await;
}

#[tokio::test]
async fn the_mail_server_wants_tls_and_a_login_as_told() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let user = Some("ops".to_owned());
    let options =
        SmtpOptions { tls: Tls::Starttls, user: user.clone(), password: user.clone(), ..SmtpOptions::default() };
    let smtp = Smtp::start(&host(), &options).await.expect("a mail server");
    let authority = std::fs::read(smtp.ca_file()).expect("the authority's certificate");
    let authority = lettre::transport::smtp::client::Certificate::from_pem(&authority).expect("a certificate");
    let tls = lettre::transport::smtp::client::TlsParameters::builder("localhost".to_owned());
    let tls = tls.add_root_certificate(authority).build().expect("TLS parameters");
    let transport = |password: &str| {
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("localhost")
            .port(smtp.port())
            .tls(lettre::transport::smtp::client::Tls::Required(tls.clone()))
            .credentials(("ops", password).into())
            .build()
    };
    transport("wrong").send(mail()).await.expect_err("a wrong password");
    transport("ops").send(mail()).await.expect("the right one");
    let mails = smtp.mails().expect("stored mails");
    assert_eq!((mails.len(), mails[0].tls, mails[0].user.clone()), (1, true, user));
}

#[tokio::test]
async fn the_sink_keeps_requests_and_answers_as_told() {
    let shutdown = Shutdown::new(Duration::from_secs(1));
    let sink = Sink::start(&shutdown).await.expect("a sink");
    sink.answer_next(Answer::status(503));
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut statuses = Vec::new();
    for _ in 0..2 {
        let request = client.post(format!("{}/hook", sink.url())).header("X-Team", "sre").json(&["x"]);
        statuses.push(request.send().await.expect("an answer").status().as_u16());
    }
    assert_eq!(statuses, [503, 200]);
    assert_eq!(sink.requests()[1].headers["x-team"], "sre");
    assert_eq!(sink.requests()[1].json(), serde_json::json!(["x"]));
}

fn mail() -> Message {
    Message::builder()
        .from("driftsentry@example.com".parse().expect("an address"))
        .to("ops@example.com".parse().expect("an address"))
        .subject("Größe geändert")
        .multipart(MultiPart::alternative_plain_html("from 1 € to 2 €".to_owned(), "<p>from 1 € to 2 €</p>".to_owned()))
        .expect("a mail")
}
