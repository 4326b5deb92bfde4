//! What people do to resources, the same for every type: create one, hand it to another owner, delete it.

use aws_sdk_ec2::types::{InstanceType, ResourceType, Tag, TagSpecification};
use driftsentry::resource::Aws;
use futures::future::BoxFuture;
use serde_json::json;

/// The owner that [`Ops::create`] tags a resource with.
pub const OWNER: &str = "web";

/// A type, how AWS lists it, and what people do to its resources.
pub struct Ops {
    /// The type, as [`super::Setup::of`] takes it.
    pub types: &'static [&'static str],
    /// The operation that lists it, as the proxy calls it.
    pub listing: &'static str,
    /// The IAM action that the listing needs.
    pub action: &'static str,
    /// Text of the listing that ends a page, and the text that leads on to a next one.
    pub next_page: (&'static str, &'static str),
    /// A well-formed id that nothing has.
    pub nobody: &'static str,
    /// Creates a resource by this name, or one like it; its id.
    pub create: for<'a> fn(&'a Aws, &'a str) -> BoxFuture<'a, String>,
    /// Tags the resource of this id with another owner.
    pub give_to: for<'a> fn(&'a Aws, &'a str, &'a str) -> BoxFuture<'a, ()>,
    /// Deletes the resource of this id.
    pub delete: for<'a> fn(&'a Aws, &'a str) -> BoxFuture<'a, ()>,
}

/// Instances.
pub const EC2: Ops = Ops {
    types: &["EC2"],
    listing: "DescribeInstances",
    action: "ec2:DescribeInstances",
    next_page: ("</reservationSet>", "</reservationSet><nextToken>next</nextToken>"),
    nobody: "i-00000000000000bad",
    create: |aws, name| {
        Box::pin(async move {
            let tags = TagSpecification::builder().resource_type(ResourceType::Instance);
            let tags = tags.tags(ec2_tag("Name", name)).tags(ec2_tag("Owner", OWNER)).build();
            let run = aws.ec2.run_instances().image_id("ami-1e749f67").min_count(1).max_count(1);
            let run = run.instance_type(InstanceType::T3Medium).tag_specifications(tags).send();
            let run = run.await.expect("run an instance");
            run.instances()[0].instance_id().expect("its id").to_owned()
        })
    },
    give_to: |aws, id, owner| Box::pin(tag_in_ec2(aws, id, owner)),
    delete: |aws, id| {
        Box::pin(async move {
            aws.ec2.terminate_instances().instance_ids(id).send().await.expect("terminate the instance");
        })
    },
};

/// Security groups.
pub const SECURITY_GROUP: Ops = Ops {
    types: &["SECURITY_GROUP"],
    listing: "DescribeSecurityGroups",
    action: "ec2:DescribeSecurityGroups",
    next_page: ("</securityGroupInfo>", "</securityGroupInfo><nextToken>next</nextToken>"),
    nobody: "sg-00000000000000bad",
    create: |aws, name| {
        Box::pin(async move {
            let group = aws.ec2.create_security_group().group_name(name).description("of the tests");
            let id = group.send().await.expect("create a group").group_id.expect("its id");
            tag_in_ec2(aws, &id, OWNER).await;
            id
        })
    },
    give_to: |aws, id, owner| Box::pin(tag_in_ec2(aws, id, owner)),
    delete: |aws, id| {
        Box::pin(async move {
            aws.ec2.delete_security_group().group_id(id).send().await.expect("delete the group");
        })
    },
};

/// Databases.
pub const RDS: Ops = Ops {
    types: &["RDS"],
    listing: "DescribeDBInstances",
    action: "rds:DescribeDBInstances",
    next_page: ("</DBInstances>", "</DBInstances><Marker>next</Marker>"),
    nobody: "no-such-database",
    create: |aws, name| {
        Box::pin(async move {
            let create = aws.rds.create_db_instance().db_instance_identifier(name).db_instance_class("db.t3.medium");
            let create = create.engine("postgres").master_username("app").master_user_password("only-for-tests");
            create.allocated_storage(20).send().await.expect("create a database");
            (RDS.give_to)(aws, name, OWNER).await;
            name.to_owned()
        })
    },
    give_to: |aws, id, owner| {
        Box::pin(async move {
            let tag = aws_sdk_rds::types::Tag::builder().key("Owner").value(owner).build();
            let arn = format!("arn:aws:rds:{}:{}:db:{id}", aws.region, aws.account_id);
            aws.rds.add_tags_to_resource().resource_name(arn).tags(tag).send().await.expect("tag the database");
        })
    },
    delete: |aws, id| {
        Box::pin(async move {
            let delete = aws.rds.delete_db_instance().db_instance_identifier(id).skip_final_snapshot(true);
            delete.send().await.expect("delete the database");
        })
    },
};

/// Buckets. Their names are unique in the emulator.
pub const S3: Ops = Ops {
    types: &["S3"],
    listing: "ListBuckets",
    action: "s3:ListAllMyBuckets",
    next_page: ("</Buckets>", "</Buckets><ContinuationToken>next</ContinuationToken>"),
    nobody: "no-such-bucket.example.com",
    create: |aws, name| {
        Box::pin(async move {
            let name = format!("{name}-{}", aws.account_id);
            aws.s3.create_bucket().bucket(&name).send().await.expect("create a bucket");
            (S3.give_to)(aws, &name, OWNER).await;
            name
        })
    },
    give_to: |aws, id, owner| {
        Box::pin(async move {
            let tag = aws_sdk_s3::types::Tag::builder().key("Owner").value(owner).build().expect("a tag");
            let tagging = aws_sdk_s3::types::Tagging::builder().tag_set(tag).build().expect("tags");
            aws.s3.put_bucket_tagging().bucket(id).tagging(tagging).send().await.expect("tag the bucket");
        })
    },
    delete: |aws, id| {
        Box::pin(async move {
            aws.s3.delete_bucket().bucket(id).send().await.expect("delete the bucket");
        })
    },
};

/// Roles.
pub const IAM_ROLE: Ops = Ops {
    types: &["IAM_ROLE"],
    listing: "GetAccountAuthorizationDetails",
    action: "iam:GetAccountAuthorizationDetails",
    next_page: ("<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated><Marker>next</Marker>"),
    nobody: "no-such-role",
    create: |aws, name| {
        Box::pin(async move {
            let trust = json!({"Version": "2012-10-17", "Statement": {
                "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}
            }});
            let create = aws.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
            create.send().await.expect("create a role");
            (IAM_ROLE.give_to)(aws, name, OWNER).await;
            name.to_owned()
        })
    },
    give_to: |aws, id, owner| {
        Box::pin(async move {
            let tag = aws_sdk_iam::types::Tag::builder().key("Owner").value(owner).build().expect("a tag");
            aws.iam.tag_role().role_name(id).tags(tag).send().await.expect("tag the role");
        })
    },
    delete: |aws, id| {
        Box::pin(async move {
            aws.iam.delete_role().role_name(id).send().await.expect("delete the role");
        })
    },
};

fn ec2_tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

async fn tag_in_ec2(aws: &Aws, id: &str, owner: &str) {
    aws.ec2.create_tags().resources(id).tags(ec2_tag("Owner", owner)).send().await.expect("tag the resource");
}
