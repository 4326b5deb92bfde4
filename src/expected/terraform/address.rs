//! Addresses of resource instances, letter for letter as Terraform prints them: they are how people find the code.

use std::fmt::Write;

use serde_json::Value;

/// `module.web["a"].aws_instance.app[0]`; `None` if the key is no key of Terraform's.
pub(super) fn of(module: Option<&str>, kind: &str, name: &str, key: Option<&Value>) -> Option<String> {
    let mut address = String::new();
    if let Some(module) = module.filter(|module| !module.is_empty()) {
        address.push_str(module);
        address.push('.');
    }
    address.push_str(kind);
    address.push('.');
    address.push_str(name);
    match key {
        None | Some(Value::Null) => {}
        Some(Value::Number(number)) => {
            address.push('[');
            address.push_str(&number.to_string());
            address.push(']');
        }
        Some(Value::String(key)) => {
            address.push('[');
            quote(key, &mut address);
            address.push(']');
        }
        Some(_) => return None,
    }
    Some(address)
}

/// The address of the resource whose instance this is: without the keys of its modules and its own.
pub(super) fn without_keys(address: &str) -> String {
    let (mut plain, mut depth) = (String::with_capacity(address.len()), 0);
    let (mut is_quoted, mut is_escaped) = (false, false);
    for c in address.chars() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' if depth > 0 => is_quoted = !is_quoted,
            '[' if !is_quoted => depth += 1,
            ']' if !is_quoted => depth -= 1,
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// Writes a text as Terraform's language quotes it.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
            c if c.is_control() || (c.is_whitespace() && c != ' ') => {
                // Invariant: writing to a text cannot fail.
                let code = u32::from(c);
                let written = if code < 0x1_0000 { write!(out, "\\u{code:04x}") } else { write!(out, "\\U{code:08x}") };
                debug_assert!(written.is_ok(), "a text takes all that is written");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_are_written_as_terraform_prints_them() {
        let address = |module, key: Value| of(module, "aws_instance", "app", Some(&key));
        assert_eq!(address(None, Value::Null).as_deref(), Some("aws_instance.app"));
        assert_eq!(address(Some(""), json!(0)).as_deref(), Some("aws_instance.app[0]"));
        let nested = address(Some("module.web[\"a\"].module.x[1]"), json!(10));
        assert_eq!(nested.as_deref(), Some("module.web[\"a\"].module.x[1].aws_instance.app[10]"));
        assert_eq!(address(None, json!({})), None);
        for (key, quoted) in [
            ("x\"y", r#"["x\"y"]"#),
            ("a\\b\nc\td", r#"["a\\b\nc\td"]"#),
            ("${x} %{y} $z", r#"["$${x} %%{y} $z"]"#),
            ("\u{7}\u{a0}é", "[\"\\u0007\\u00a0é\"]"),
            ("", "[\"\"]"),
        ] {
            assert_eq!(address(None, json!(key)), Some(format!("aws_instance.app{quoted}")), "{key:?}");
        }
    }

    #[test]
    fn an_instance_is_found_in_the_code_by_its_address_without_keys() {
        let address = r#"module.web["a]\"["].module.x[1].aws_instance.app["b.c"]"#;
        assert_eq!(without_keys(address), "module.web.module.x.aws_instance.app");
    }
}
