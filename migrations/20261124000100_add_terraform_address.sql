alter table drift_details add column terraform_address text;
comment on column drift_details.terraform_address is
    'Terraform''s address of the declaration (module.web.aws_instance.app[0]); NULL if Terraform does not declare it.';
