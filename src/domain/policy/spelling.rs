//! One spelling for names in which IAM ignores case.
//!
//! Lower case alone would do for comparison, but people read these names in alerts, so what policies name most is
//! spelled as AWS's documentation spells it.
//!
//! Invariant: these tables are part of the canonical form. To change an entry makes stored differences look new.

/// Actions of trust policies and common ones of bucket policies. Any other is written in lower case.
const ACTIONS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
    "iam:PassRole",
    "s3:AbortMultipartUpload",
    "s3:DeleteBucket",
    "s3:DeleteBucketPolicy",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetBucketAcl",
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListAllMyBuckets",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:ListMultipartUploadParts",
    "s3:PutBucketAcl",
    "s3:PutBucketPolicy",
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
];

/// Every condition operator of the IAM reference.
const OPERATORS: &[&str] = &[
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "BinaryEquals",
    "Bool",
    "DateEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateNotEquals",
    "IpAddress",
    "NotIpAddress",
    "Null",
    "NumericEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericNotEquals",
    "StringEquals",
    "StringEqualsIgnoreCase",
    "StringLike",
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
];

/// Quantifiers of operators over keys with many values.
const QUANTIFIERS: &[&str] = &["ForAllValues", "ForAnyValue"];

/// The end of an operator that also holds where the key is absent.
const IF_EXISTS: &str = "IfExists";

/// Global condition keys and common ones of trust and bucket policies. Any other is written in lower case.
const KEYS: &[&str] = &[
    "aws:CalledVia",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalType",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:userid",
    "aws:username",
    "s3:DataAccessPointAccount",
    "s3:ExistingObjectTag",
    "s3:TlsVersion",
    "s3:prefix",
    "s3:x-amz-acl",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "sts:ExternalId",
    "sts:RoleSessionName",
    "sts:SourceIdentity",
    "sts:TransitiveTagKeys",
];

/// The one spelling of an action.
pub(super) fn spell_action(action: &str) -> String {
    spell(action, ACTIONS)
}

/// The one spelling of a condition key.
pub(super) fn spell_key(key: &str) -> String {
    spell(key, KEYS)
}

/// The one spelling of a condition operator, with its quantifier and `IfExists`.
pub(super) fn spell_operator(operator: &str) -> String {
    let (quantifier, rest) = match operator.split_once(':') {
        Some((quantifier, rest)) => (format!("{}:", spell(quantifier, QUANTIFIERS)), rest),
        None => (String::new(), operator),
    };
    let split = rest.len().saturating_sub(IF_EXISTS.len());
    match rest.split_at_checked(split) {
        Some((base, end)) if !base.is_empty() && end.eq_ignore_ascii_case(IF_EXISTS) => {
            format!("{quantifier}{}{IF_EXISTS}", spell(base, OPERATORS))
        }
        _ => format!("{quantifier}{}", spell(rest, OPERATORS)),
    }
}

fn spell(name: &str, known: &[&str]) -> String {
    match known.iter().find(|spelled| spelled.eq_ignore_ascii_case(name)) {
        Some(spelled) => (*spelled).to_owned(),
        None => name.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_keep_their_quantifier_and_if_exists_in_one_spelling() {
        assert_eq!(spell_operator("foranyvalue:stringlikeIFEXISTS"), "ForAnyValue:StringLikeIfExists");
        assert_eq!(spell_operator("STRINGEQUALS"), "StringEquals");
        assert_eq!(spell_operator("IfExists"), "ifexists");
        assert_eq!(spell_operator("Ünïcode"), "Ünïcode".to_ascii_lowercase());
    }

    #[test]
    fn no_name_is_listed_twice() {
        for table in [ACTIONS, OPERATORS, KEYS] {
            let mut lower: Vec<String> = table.iter().map(|name| name.to_ascii_lowercase()).collect();
            lower.sort_unstable();
            lower.dedup();
            assert_eq!(lower.len(), table.len());
        }
    }
}
