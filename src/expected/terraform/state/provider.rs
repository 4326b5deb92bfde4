//! Which provider a resource belongs to, in every spelling that Terraform and `OpenTofu` have had.

/// Whether the resource is AWS's; `None` if the text names no provider.
///
/// `provider.aws.west` and `module.x.provider.aws` (0.12), `provider["registry.terraform.io/hashicorp/aws"].west`
/// (since 0.13), any registry and any namespace: forks keep the schema. `aws` and `registry…/hashicorp/aws` alone are
/// what `terraform show -json` writes.
pub(super) fn is_aws(text: &str) -> Option<bool> {
    let source = if let Some((_, quoted)) = text.rsplit_once("provider[\"") {
        quoted.split_once("\"]")?.0
    } else if let Some(old) = text.strip_prefix("provider.").or_else(|| Some(text.rsplit_once(".provider.")?.1)) {
        old.split('.').next()?
    } else {
        text
    };
    let name = source.rsplit('/').next()?;
    (!name.is_empty() && !name.contains(['"', '[', ']', ' '])).then_some(name == "aws")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_known() {
        for text in [
            "provider.aws",
            "provider.aws.west",
            "module.x.provider.aws",
            "module.provider.provider.aws.west",
            "provider[\"registry.terraform.io/hashicorp/aws\"]",
            "provider[\"registry.terraform.io/hashicorp/aws\"].west",
            "module.a[\"b.c\"].provider[\"registry.terraform.io/-/aws\"]",
            "provider[\"registry.opentofu.org/hashicorp/aws\"].west[\"a\"]",
            "aws",
            "registry.terraform.io/hashicorp/aws",
        ] {
            assert_eq!(is_aws(text), Some(true), "{text}");
        }
        for text in ["provider.google", "provider[\"registry.terraform.io/hashicorp/awscc\"]", "provider.awscc.aws"] {
            assert_eq!(is_aws(text), Some(false), "{text}");
        }
        assert_eq!(is_aws(""), None);
        assert_eq!(is_aws("provider[\"x"), None);
    }
}
