//! What every bucket answers: some configurations are there, some are not.

use super::answers::Answer;
use crate::support::call::error_body;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"TlsOnly","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::web","arn:aws:s3:::web/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;

/// The answer to a read of one bucket.
pub fn answer(operation: &str) -> Answer {
    let absent = |code: &str| (404, error_body("s3", code, "there is none"));
    let xml = match operation {
        "GET ?policy" => return (200, POLICY.to_owned()),
        "GET ?cors" => return absent("NoSuchCORSConfiguration"),
        "GET ?website" => return absent("NoSuchWebsiteConfiguration"),
        "GET ?replication" => return absent("ReplicationConfigurationNotFoundError"),
        "GET ?object-lock" => return absent("ObjectLockConfigurationNotFoundError"),
        "GET ?location" => "<LocationConstraint/>",
        "GET ?publicAccessBlock" => {
            "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
             <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy>\
             <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
        }
        "GET ?acl" => {
            "<AccessControlPolicy><Owner><ID>75aa57f09aa0c8ca</ID></Owner><AccessControlList><Grant>\
             <Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CanonicalUser\">\
             <ID>75aa57f09aa0c8ca</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList>\
             </AccessControlPolicy>"
        }
        "GET ?ownershipControls" => {
            "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>"
        }
        "GET ?encryption" => {
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
             <SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
             <BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
        }
        "GET ?versioning" => "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
        "GET ?logging" => {
            "<BucketLoggingStatus><LoggingEnabled><TargetBucket>logs</TargetBucket><TargetPrefix>web/</TargetPrefix>\
             </LoggingEnabled></BucketLoggingStatus>"
        }
        "GET ?lifecycle" => {
            "<LifecycleConfiguration><Rule><ID>tidy</ID><Filter><Prefix>tmp/</Prefix></Filter><Status>Enabled</Status>\
             <Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>"
        }
        "GET ?notification" => "<NotificationConfiguration/>",
        "GET ?accelerate" => "<AccelerateConfiguration/>",
        "GET ?requestPayment" => {
            "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"
        }
        "GET ?tagging" => {
            "<Tagging><TagSet><Tag><Key>Environment</Key><Value>production</Value></Tag>\
             <Tag><Key>Team</Key><Value>platform</Value></Tag></TagSet></Tagging>"
        }
        _ => return (400, error_body("s3", "InvalidRequest", "no such operation here")),
    };
    (200, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{xml}"))
}
