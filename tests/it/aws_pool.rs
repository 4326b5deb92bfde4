//! The AWS client layer against a responder that answers what a test tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use driftsentry::config;
use driftsentry::domain::id::{AccountId, Region, Scope};
use driftsentry::resource::aws::{AwsPool, Credentials, ErrorClass};

/// What to answer next.
#[derive(Clone)]
pub enum Answer {
    /// A body with a status.
    Text(u16, String),
    /// Nothing for so long.
    Silence(Duration),
    /// A body that claims to be longer than it is.
    Torn(String),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The form body of query APIs, or method, path and query.
    pub text: String,
}

/// Answers requests in order; the last answer stands for all that follow.
pub struct Responder {
    pub url: String,
    pub seen: Arc<Mutex<Vec<Seen>>>,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.server.abort();
    }
}

type Shared = (Arc<Mutex<Vec<Seen>>>, Arc<dyn Fn(&str, usize) -> Answer + Send + Sync>);

impl Responder {
    pub async fn scripted(answers: Vec<Answer>) -> Self {
        let answers = Mutex::new(VecDeque::from(answers));
        Self::start(move |_, _| {
            let mut answers = answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        })
        .await
    }

    /// `answer` gets the request's text and how many came before it.
    pub async fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let shared: Shared = (seen.clone(), Arc::new(answer));
        let app = axum::Router::new().fallback(respond).with_state(shared);
        #[allow(clippy::disallowed_methods, reason = "aborted on drop")]
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, server }
    }

    pub fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn respond(State((seen, answer)): State<Shared>, request: axum::extract::Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let text = if body.is_empty() {
        format!("{} {}", parts.method, parts.uri)
    } else {
        String::from_utf8_lossy(&body).into_owned()
    };
    let count = {
        let mut seen = seen.lock().unwrap();
        seen.push(Seen { text: text.clone() });
        seen.len() - 1
    };
    match answer(&text, count) {
        Answer::Text(status, text) => {
            let response = Response::builder().status(StatusCode::from_u16(status).unwrap());
            response.header("x-amzn-requestid", "req-1").body(Body::from(text)).unwrap()
        }
        Answer::Silence(time) => {
            tokio::time::sleep(time).await;
            Response::new(Body::empty())
        }
        Answer::Torn(text) => {
            let broken = std::io::Error::other("torn");
            let parts = futures::stream::iter([Ok(text.into_bytes()), Err(broken)]);
            Response::new(Body::from_stream(parts))
        }
    }
}

pub const ACCOUNT: &str = "123456789012";

pub fn settings(url: &str) -> config::Aws {
    config::Aws {
        regions: vec![Region::from("us-east-1")],
        endpoint_url: Some(url.to_owned()),
        accounts: vec![config::Account {
            name: "prod".to_owned(),
            id: AccountId::from(ACCOUNT),
            role_arn: None,
            remediate_role_arn: None,
            external_id: None,
            regions: vec![Region::from("us-east-1")],
        }],
        call_timeout: Duration::from_secs(5),
        operation_timeout: Duration::from_mins(1),
        max_attempts: 2,
        max_requests_per_second: 100,
    }
}

pub fn with_role(url: &str) -> config::Aws {
    let mut settings = settings(url);
    settings.accounts[0].role_arn = Some(format!("arn:aws:iam::{ACCOUNT}:role/scan"));
    settings.accounts[0].external_id = Some(config::secret::Secret::new("the-external-id"));
    settings
}

pub fn pool(settings: &config::Aws) -> AwsPool {
    AwsPool::with_credentials(settings, Credentials::new("test", "test", None, None, "test"))
}

pub fn scope() -> Scope {
    Scope { account_id: ACCOUNT.into(), region: "us-east-1".into(), resource_type: "SECURITY_GROUP".to_owned() }
}

pub fn assumed(account: &str) -> String {
    format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><AssumedRoleUser>\
         <AssumedRoleId>AROA:driftsentry</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/scan/driftsentry</Arn>\
         </AssumedRoleUser><Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey>\
         <SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>\
         </AssumeRoleResponse>"
    )
}

pub fn caller(account: &str) -> String {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
         <Arn>arn:aws:iam::{account}:user/u</Arn><UserId>U</UserId><Account>{account}</Account>\
         </GetCallerIdentityResult></GetCallerIdentityResponse>"
    )
}

pub const NO_GROUPS: &str = "<DescribeSecurityGroupsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
    <requestId>r</requestId><securityGroupInfo/></DescribeSecurityGroupsResponse>";

pub fn ec2_error(status: u16, code: &str) -> Answer {
    Answer::Text(
        status,
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>it is so</Message></Error></Errors>\
             <RequestID>req-1</RequestID></Response>"
        ),
    )
}

/// Answers STS rightly and everything else by `answer`.
async fn responder(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Responder {
    let count = std::sync::atomic::AtomicUsize::new(0);
    Responder::start(move |text, _| match text {
        _ if text.contains("Action=AssumeRole") => Answer::Text(200, assumed(ACCOUNT)),
        _ if text.contains("Action=GetCallerIdentity") => Answer::Text(200, caller(ACCOUNT)),
        _ => answer(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst)),
    })
    .await
}

async fn describe(pool: &AwsPool) -> Result<u64, (driftsentry::resource::ReadError, u64)> {
    let aws = pool.aws(&scope()).await.unwrap();
    match aws.ec2.describe_security_groups().send().await {
        Ok(_) => Ok(aws.calls.get()),
        Err(error) => Err((aws.read_error("ec2", "DescribeSecurityGroups", &error), aws.calls.get())),
    }
}

#[tokio::test]
async fn a_role_is_assumed_once_for_all_shards_with_its_external_id() {
    let responder = responder(|_| Answer::Text(200, NO_GROUPS.to_owned())).await;
    let pool = pool(&with_role(&responder.url));
    for _ in 0..3 {
        assert_eq!(describe(&pool).await.unwrap(), 1, "each shard counts its own calls");
    }
    let requests = responder.requests();
    let assumed: Vec<_> = requests.iter().filter(|seen| seen.text.contains("Action=AssumeRole")).collect();
    assert_eq!((assumed.len(), requests.len()), (1, 4));
    assert!(assumed[0].text.contains("ExternalId=the-external-id"));
    assert!(assumed[0].text.contains("RoleSessionName=driftsentry"));
    let ec2 = pool.stats().into_iter().find(|stats| stats.service == "ec2").unwrap();
    assert_eq!((ec2.requests, ec2.throttles, ec2.errors), (3, 0, 0));
}

#[tokio::test]
async fn credentials_of_another_account_are_refused_before_anything_is_read() {
    let responder = Responder::start(|text, _| {
        let role = text.contains("AssumeRole");
        Answer::Text(200, if role { assumed("999999999999") } else { caller("999999999999") })
    })
    .await;
    let error = pool(&with_role(&responder.url)).aws(&scope()).await.unwrap_err();
    assert!(error.to_string().contains("is not in account 123456789012"), "{error}");
    let error = pool(&settings(&responder.url)).aws(&scope()).await.unwrap_err();
    assert!(error.to_string().contains("belong to account 999999999999, not 123456789012"), "{error}");
    assert_eq!(error.class, ErrorClass::Other);
}

#[tokio::test]
async fn without_configured_accounts_the_default_credentials_tell_theirs() {
    let responder = responder(|_| Answer::Text(200, NO_GROUPS.to_owned())).await;
    let mut settings = settings(&responder.url);
    settings.accounts.clear();
    let pool = pool(&settings);
    let accounts = pool.accounts().await.unwrap();
    assert_eq!((accounts[0].id.as_str(), &accounts[0].name), (ACCOUNT, &None));
    describe(&pool).await.unwrap();
    assert_eq!(responder.requests().len(), 2, "the account is asked for once");
}

#[tokio::test]
async fn a_role_that_may_not_be_assumed_is_denied_and_says_what_to_do() {
    let refusal = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
        <Code>AccessDenied</Code><Message>not you</Message></Error><RequestId>req-2</RequestId></ErrorResponse>";
    let responder = Responder::scripted(vec![Answer::Text(403, refusal.to_owned())]).await;
    let error = pool(&with_role(&responder.url)).aws(&scope()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Denied);
    let text = error.to_string();
    assert!(text.contains("AccessDenied: not you (request id req-1)") && text.contains("trust policy"), "{text}");
}

#[tokio::test]
async fn a_denied_call_names_the_action_to_allow() {
    let responder = responder(|_| ec2_error(403, "UnauthorizedOperation")).await;
    let (error, calls) = describe(&pool(&settings(&responder.url))).await.unwrap_err();
    assert_eq!((error.class, calls), (ErrorClass::Denied, 1));
    assert!(error.to_string().contains("allow ec2:DescribeSecurityGroups"), "{error}");
    assert!(error.to_string().contains("req-1"), "{error}");
}

#[tokio::test]
async fn a_throttled_call_is_retried_counted_and_slows_its_bucket_down() {
    let responder = responder(|n| match n {
        0 => ec2_error(503, "RequestLimitExceeded"),
        _ => Answer::Text(200, NO_GROUPS.to_owned()),
    })
    .await;
    let mut settings = settings(&responder.url);
    settings.max_requests_per_second = 4;
    let pool = pool(&settings);
    assert_eq!(describe(&pool).await.unwrap(), 2);
    let began = Instant::now();
    for _ in 0..4 {
        describe(&pool).await.unwrap();
    }
    assert!(began.elapsed() > Duration::from_millis(700), "two a second after halving, not four at once");
    let ec2 = pool.stats().into_iter().find(|stats| stats.service == "ec2").unwrap();
    assert_eq!((ec2.requests, ec2.throttles, ec2.errors), (6, 1, 0));
}

#[tokio::test]
async fn throttling_beyond_all_retries_is_told_as_throttling() {
    let responder = responder(|_| ec2_error(503, "RequestLimitExceeded")).await;
    let (error, calls) = describe(&pool(&settings(&responder.url))).await.unwrap_err();
    assert_eq!((error.class, calls), (ErrorClass::Throttled, 2));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_call_without_an_answer_times_out() {
    let responder = responder(|_| Answer::Silence(Duration::from_mins(1))).await;
    let mut settings = settings(&responder.url);
    settings.call_timeout = Duration::from_millis(500);
    let (error, calls) = describe(&pool(&settings)).await.unwrap_err();
    assert_eq!((error.class, calls), (ErrorClass::TimedOut, 2));
    assert!(error.to_string().contains("no answer within 500ms"), "{error}");
}

#[tokio::test]
async fn a_call_that_hangs_at_each_attempt_is_given_up_when_the_time_of_all_is_over() {
    let responder = responder(|_| Answer::Silence(Duration::from_mins(1))).await;
    let mut settings = settings(&responder.url);
    settings.call_timeout = Duration::from_millis(400);
    settings.operation_timeout = Duration::from_millis(600);
    settings.max_attempts = 5;
    let pool = pool(&settings);
    for _ in 0..2 {
        let (error, calls) = describe(&pool).await.unwrap_err();
        assert_eq!((error.class, calls), (ErrorClass::TimedOut, 2), "{error}");
        assert!(error.to_string().contains("no answer within 600ms in several attempts"), "{error}");
    }
}

#[tokio::test]
async fn waiting_for_a_token_does_not_count_against_the_time_out() {
    let responder = responder(|_| Answer::Text(200, NO_GROUPS.to_owned())).await;
    let mut settings = settings(&responder.url);
    settings.call_timeout = Duration::from_secs(1);
    settings.max_requests_per_second = 2;
    let pool = pool(&settings);
    let began = Instant::now();
    for calls in futures::future::join_all((0..6).map(|_| describe(&pool))).await {
        assert_eq!(calls.unwrap(), 1, "nothing timed out");
    }
    assert!(began.elapsed() > Duration::from_secs(1), "the last one waited for longer than a call may take");
}

#[tokio::test]
async fn half_an_answer_is_a_failure_and_never_a_shorter_list() {
    let half = NO_GROUPS[..NO_GROUPS.len() - 40].to_owned();
    for answer in [Answer::Text(200, half.clone()), Answer::Torn(half)] {
        let responder = responder(move |_| answer.clone()).await;
        let (error, calls) = describe(&pool(&settings(&responder.url))).await.unwrap_err();
        assert_eq!((error.class, calls), (ErrorClass::Unavailable, 2), "{error}");
    }
}

#[tokio::test]
async fn an_answer_of_success_that_is_no_answer_is_called_so() {
    let group = "<securityGroupInfo><item><groupId>\u{1}</groupId></item></securityGroupInfo>";
    let responder = responder(move |_| Answer::Text(200, NO_GROUPS.replace("<securityGroupInfo/>", group))).await;
    let (error, _) = describe(&pool(&settings(&responder.url))).await.unwrap_err();
    assert!(error.to_string().contains("the answer cannot be understood: "), "{error}");
}

#[tokio::test]
async fn a_refused_connection_is_the_other_ends_failure() {
    let error = pool(&settings("http://127.0.0.1:9")).aws(&scope()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Unavailable, "{error}");
}

#[tokio::test]
async fn an_account_that_is_not_configured_is_refused() {
    let mut scope = scope();
    scope.account_id = "000000000001".into();
    let error = pool(&settings("http://127.0.0.1:9")).aws(&scope).await.unwrap_err();
    assert!(error.to_string().contains("add it to [[aws.accounts]]"), "{error}");
}

#[tokio::test]
async fn handing_out_clients_is_cheap() {
    let responder = responder(|_| Answer::Text(200, NO_GROUPS.to_owned())).await;
    let pool = pool(&with_role(&responder.url));
    let began = Instant::now();
    describe(&pool).await.unwrap();
    let first = began.elapsed();
    let began = Instant::now();
    for _ in 0..100 {
        pool.aws(&scope()).await.unwrap();
    }
    let each = began.elapsed() / 100;
    println!("first {first:?}, then {each:?} each");
    assert!(each < Duration::from_millis(20), "{each:?} for a set of clients");
}
