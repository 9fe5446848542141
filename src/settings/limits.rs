//! What a build may use: the setting `container_limits`.
//!
//! ```yaml
//! container_limits: memory=4g,memswap=-1,cpushares=512,cpusetcpus=0-3,8
//! ```

/// Limits that the engine puts on the containers of a build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerLimits {
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Memory and swap together; -1 lifts the limit.
    pub memory_and_swap_bytes: Option<i64>,
    /// The weight of the processors' time against other containers.
    pub cpu_shares: Option<u64>,
    /// The processors that may be used: `0-3,8`.
    pub cpus: Option<String>,
}

/// Why a text holds no limits.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum LimitsError {
    /// A limit that does not exist.
    #[error("`{0}` is no limit; there are `memory`, `memswap`, `cpushares` and `cpusetcpus`")]
    Unknown(String),
    /// A limit without a value.
    #[error("`{0}` has no value; write `{0}=…`")]
    NoValue(String),
    /// A value that the limit cannot have.
    #[error("`{limit}` cannot be `{value}`: {expected} is expected")]
    Value {
        /// The name of the limit.
        limit: &'static str,
        /// The refused value.
        value: String,
        /// What it has to be.
        expected: &'static str,
    },
}

/// Reads `name=value` pairs, parted by commas.
pub(super) fn parse_limits(text: &str) -> Result<ContainerLimits, LimitsError> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match (part.split_once('='), pairs.last_mut()) {
            (Some((name, value)), _) => {
                pairs.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            // `cpusetcpus=0,2`: a comma inside of a value.
            (None, Some((name, value))) if name == "cpusetcpus" => {
                value.push(',');
                value.push_str(part);
            }
            (None, _) => return Err(LimitsError::NoValue(part.to_owned())),
        }
    }
    let mut limits = ContainerLimits::default();
    for (name, value) in &pairs {
        limits.set(name, value)?;
    }
    Ok(limits)
}

impl ContainerLimits {
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), LimitsError> {
        const SIZE: &str = "a number of bytes such as `4294967296` or `4g`";
        let refused = |limit, expected| LimitsError::Value {
            limit,
            value: value.to_owned(),
            expected,
        };
        match name {
            "memory" => {
                let bytes = find_bytes(value).ok_or_else(|| refused("memory", SIZE))?;
                self.memory_bytes = Some(bytes);
            }
            "memswap" if value == "-1" => self.memory_and_swap_bytes = Some(-1),
            "memswap" => {
                let bytes = find_bytes(value).and_then(|bytes| i64::try_from(bytes).ok());
                let bytes = bytes.ok_or_else(|| refused("memswap", SIZE))?;
                self.memory_and_swap_bytes = Some(bytes);
            }
            "cpushares" => {
                let shares = value.parse().ok();
                let shares = shares.ok_or_else(|| refused("cpushares", "a whole number"))?;
                self.cpu_shares = Some(shares);
            }
            "cpusetcpus" => {
                if !is_processors(value) {
                    return Err(refused("cpusetcpus", "a list such as `0-3,8`"));
                }
                self.cpus = Some(value.to_owned());
            }
            _ => return Err(LimitsError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

fn find_bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix('b').unwrap_or(&lower);
    let (digits, unit) = match number.strip_suffix(['k', 'm', 'g', 't']) {
        Some(digits) => (digits, number.chars().last()?),
        None => (number, ' '),
    };
    let shift = match unit {
        'k' => 10,
        'm' => 20,
        'g' => 30,
        't' => 40,
        _ => 0,
    };
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_plain)?;
    number.checked_mul(1 << shift)
}

fn is_processors(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.split(',')
        .all(|part| part.split('-').count() <= 2 && part.split('-').all(is_number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_with_units_and_lists_of_processors() {
        assert_eq!(
            parse_limits("memory=4g, memswap=-1,cpushares=512,cpusetcpus=0-3,8"),
            Ok(ContainerLimits {
                memory_bytes: Some(4 << 30),
                memory_and_swap_bytes: Some(-1),
                cpu_shares: Some(512),
                cpus: Some("0-3,8".to_owned()),
            })
        );
        assert_eq!(parse_limits(""), Ok(ContainerLimits::default()));
    }

    #[track_caller]
    fn refused(text: &str, message: &str) {
        let error = parse_limits(text).expect_err(text);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn wrong_limits_are_named() {
        refused("cpushares", "`cpushares` has no value; write `cpushares=…`");
        refused(
            "cpu=1",
            "`cpu` is no limit; there are `memory`, `memswap`, `cpushares` and `cpusetcpus`",
        );
        refused(
            "cpushares=many",
            "`cpushares` cannot be `many`: a whole number is expected",
        );
        refused(
            "cpusetcpus=0..3",
            "`cpusetcpus` cannot be `0..3`: a list such as `0-3,8` is expected",
        );
        for text in ["memory=4q", "memory=+1", "memory=99999999999t", "memory=g"] {
            parse_limits(text).expect_err(text);
        }
    }
}
