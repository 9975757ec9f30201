//! The files `credentials` and `config` of AWS's tools: sections of names and values.

use std::collections::BTreeMap;

/// What is in the section of that name; `None`: there is no such section.
pub(super) fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut is_inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(title) = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            is_inside = title.split_whitespace().eq(name.split_whitespace());
            if is_inside {
                found.get_or_insert_with(BTreeMap::new);
            }
            continue;
        }
        let is_nested = line.starts_with([' ', '\t']);
        let is_comment = trimmed.starts_with(['#', ';']);
        if let (true, false, false, Some((name, value))) =
            (is_inside, is_nested, is_comment, trimmed.split_once('='))
        {
            let section: &mut BTreeMap<_, _> = found.get_or_insert_with(BTreeMap::new);
            section.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_read_without_its_comments() {
        let text = "[default]\nregion = eu-west-1\n# no = comment\ns3 =\n  nested = 1\n\
                    [ profile  dev ]\nKEY=a=b\n[default]\nmore=1";
        let default = section(text, "default").unwrap();
        let pairs: Vec<_> = default
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(pairs, [("more", "1"), ("region", "eu-west-1"), ("s3", "")]);
        assert_eq!(section(text, "profile dev").unwrap()["key"], "a=b");
        assert_eq!(section(text, "dev"), None);
        assert_eq!(section("", "default"), None);
    }
}
