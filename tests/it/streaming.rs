//! Memory does not grow with what is there: a reader holds one page, and a survey holds only what differs.

use driftsentry::resource::Undeclared;
use futures::StreamExt;

use crate::single_changes::{kind, request};
use crate::support::{Habits, Scene, core_attributes};

/// A type, its streamed listing and the size of its pages.
const STREAMED: [(&str, &str, usize); 4] = [
    ("EC2", "DescribeInstances", 1000),
    ("IAM_ROLE", "GetAccountAuthorizationDetails", ROLES_A_PAGE),
    ("RDS", "DescribeDBInstances", 100),
    ("SECURITY_GROUP", "DescribeSecurityGroups", 1000),
];

/// Short pages are read like long ones.
const ROLES_A_PAGE: usize = 20;

#[tokio::test]
async fn a_page_is_asked_for_when_the_one_before_it_is_used_up() {
    for (resource_type, listing, page) in STREAMED {
        let scene = Scene::new(Habits { live: page + 1, most_roles_a_page: ROLES_A_PAGE, ..Habits::default() });
        let aws = scene.clients(&scene.app(), resource_type).await;
        let request = request(resource_type, &aws, &[], Undeclared::Read);
        let mut lives = kind(resource_type).read(&aws, &request);
        for _ in 0..page {
            lives.next().await.expect("a resource").expect("a good answer");
            assert_eq!(scene.aws.counts()[listing], 1, "{resource_type}: the second page can wait");
        }
        lives.next().await.expect("the last resource").expect("a good answer");
        assert_eq!(scene.aws.counts()[listing], 2, "{resource_type}");
        assert!(lives.next().await.is_none(), "{resource_type}");
    }
}

#[tokio::test]
async fn buckets_are_read_a_few_ahead_of_what_is_taken() {
    let scene = Scene::new(Habits { live: 300, ..Habits::default() });
    let aws = scene.clients(&scene.app(), "S3").await;
    let ids: Vec<String> = (0..300).map(|number| crate::support::id_of("S3", number)).collect();
    let declared: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), ["Versioning"].as_slice())).collect();
    let request = request("S3", &aws, &declared, Undeclared::Skip);
    let mut lives = kind("S3").read(&aws, &request);
    for taken in 1..=50 {
        lives.next().await.expect("a bucket").expect("a good answer");
        let read = scene.aws.counts()["GET ?versioning"];
        assert!(read <= taken + 32, "{read} read for {taken} taken");
    }
}

#[tokio::test]
async fn only_declared_resources_are_compared_among_many() {
    let scene = Scene::new(Habits { live: 1100, ..Habits::default() });
    // More than a filter takes, so that the whole listing goes by.
    scene.declare("SECURITY_GROUP", 500..800, &core_attributes("SECURITY_GROUP")).await;
    let survey = scene.survey(&scene.app(), "SECURITY_GROUP").await;
    assert_eq!((survey.scanned, survey.findings.len(), survey.error()), (300, 0, None));
    assert_eq!(scene.aws.counts()["DescribeSecurityGroups"], 2);
}
