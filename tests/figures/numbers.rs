//! What the parts share: their arguments, and how numbers are shown.

use std::time::Duration;

/// Reads `--name number` of the options that there are; what is not given has its default.
pub(crate) fn read<const N: usize>(
    mut arguments: impl Iterator<Item = String>,
    options: [(&str, usize); N],
) -> [usize; N] {
    let mut values = options.map(|(_, default)| default);
    while let Some(name) = arguments.next() {
        let known = options.iter().position(|(known, _)| *known == name);
        let at = known.unwrap_or_else(|| {
            panic!("{name} is no option; there are {:?}", options.map(|(known, _)| known))
        });
        let value = arguments.next().and_then(|value| value.parse().ok());
        values[at] = value.expect("each option takes a number");
    }
    values
}

/// As in production, not as in tests: the usual lease, and a log of what is worth telling.
pub(crate) fn as_shipped() -> Vec<(&'static str, String)> {
    vec![
        ("SHOPBEAT_LEASE_SECONDS", "45".to_owned()),
        ("RUST_LOG", "info,h2=warn,hyper=warn,tower=warn".to_owned()),
    ]
}

/// Whole milliseconds.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("a short time")
}

/// `part` of `whole` with three decimals.
pub(crate) fn ratio(part: u64, whole: u64) -> String {
    let thousandths = part * 1000 / whole.max(1);
    format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
}
