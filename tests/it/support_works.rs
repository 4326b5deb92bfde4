//! The ground the tests stand on holds.

use crate::support::{TestDatabase, World};

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
    assert_eq!(here.vpcs().len(), 1);
    assert_eq!(here.vpcs()[0].owner_id(), Some(one.account_id.as_str()));
    other.ec2.describe_vpcs().vpc_ids(&id).send().await.expect_err("it is unknown in the other account");
}
