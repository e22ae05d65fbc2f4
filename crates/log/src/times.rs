//! Numbers and dates as texts spell them: what `src/read/time.ts` takes for one.

/// A time, and by what a whole number beyond the doubles' precision exceeds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    Number(f64, i16),
    /// Seconds since 1970 of a date.
    Date(f64),
    None,
}

/// The time that a text spells. The number is NaN nowhere, and infinite where it is `nan`, `inf` or beyond the doubles.
pub fn time(written: &[u8]) -> Time {
    if let Some(number) = simple(written) {
        return Time::Number(number, 0);
    }
    match spelled(written) {
        Some(number) => Time::Number(number, rest(number, written)),
        None => date(written).map_or(Time::None, Time::Date),
    }
}

/// The number that a text spells; infinite where it is `nan`, `inf` or beyond the doubles.
pub fn number(written: &[u8]) -> Option<f64> {
    simple(written).or_else(|| spelled(written))
}

/// A number of up to fifteen digits without a sign or zeros before it, with or without a fraction: doubles hold the whole
/// ones, and one division rounds the others once.
#[inline(always)]
pub fn simple(written: &[u8]) -> Option<f64> {
    if written.len() > 16 || (written.len() > 1 && written[0] == b'0' && written[1] != b'.') {
        return None;
    }
    let (mut digits, mut point) = (0u64, None);
    for (i, &byte) in written.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits = digits * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() && i > 0 => point = Some(i),
            _ => return None,
        }
    }
    let count = written.len() - usize::from(point.is_some());
    let decimals = point.map_or(0, |point| written.len() - 1 - point);
    let sound = (1..=15).contains(&count) && (point.is_none() || decimals > 0);
    sound.then(|| if decimals == 0 { digits as f64 } else { digits as f64 / POWERS[decimals] })
}

const POWERS: [f64; 15] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];

fn trimmed(written: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = written.iter().position(|byte| !blank(byte)).unwrap_or(written.len());
    let end = written.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
    &written[start..end]
}

fn spelled(written: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(trimmed(written)).ok()?;
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text);
    if ["nan", "inf", "infinity"].iter().any(|word| bare.eq_ignore_ascii_case(word)) {
        return Some(f64::INFINITY);
    }
    // What Rust reads besides are words alone
    bare.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.').then(|| text.parse().ok())?
}

fn rest(nearest: f64, written: &[u8]) -> i16 {
    if nearest.abs() <= 9_007_199_254_740_991. || !nearest.is_finite() {
        return 0;
    }
    let whole = std::str::from_utf8(trimmed(written)).ok().and_then(|text| text.parse::<i128>().ok());
    let rest = whole.map_or(0, |whole| whole.saturating_sub(nearest as i128));
    if rest.abs() < 1 << 15 { rest as i16 } else { 0 }
}

/// Seconds since 1970 of a date with or without a time and an offset.
fn date(written: &[u8]) -> Option<f64> {
    let two = |at: usize| {
        let [tens, ones] = *written.get(at..)?.first_chunk::<2>()?;
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let is = |at: usize, byte: u8| written.get(at) == Some(&byte);
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    if year < 1000
        || !is(4, b'-')
        || !is(7, b'-')
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&day)
    {
        return None;
    }
    let midnight = days_before(year, month, day) * 86_400;
    if written.len() == 10 {
        return Some((midnight as f64 * 1e6) / 1e6);
    }
    let (hour, minute) = (two(11)?, two(14)?);
    if !(is(10, b' ') || is(10, b'T')) || hour > 23 || !is(13, b':') || minute > 59 {
        return None;
    }
    let (mut at, mut second, mut micros) = (16, 0, 0);
    if is(16, b':') {
        second = two(17)?;
        (at, micros) = fraction(written, 19)?;
    }
    let offset = offset(&written[at..])?;
    let millis = (midnight + hour * 3600 + minute * 60 + second) * 1000;
    (second < 60).then(|| (millis as f64 * 1e3 - offset as f64 * 6e7 + micros as f64) / 1e6)
}

/// Where a fraction of up to six digits ends that may begin at `at`, and its microseconds.
fn fraction(written: &[u8], at: usize) -> Option<(usize, i64)> {
    if written.get(at) != Some(&b'.') {
        return Some((at, 0));
    }
    let digits = written[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let micros = (0..6).fold(0, |sum, i| sum * 10 + if i < digits { i64::from(written[at + 1 + i] - b'0') } else { 0 });
    (1..=6).contains(&digits).then_some((at + 1 + digits, micros))
}

/// Minutes east of UTC: `+02:30`, `+0230` and `+02` have them, `Z` and nothing none.
fn offset(written: &[u8]) -> Option<i64> {
    let [sign, hours @ ..] = written else { return Some(0) };
    if written == b"Z" {
        return Some(0);
    }
    let digit = |byte: u8, most: u8| (b'0'..=most).contains(&byte).then(|| i64::from(byte - b'0'));
    let (h, m) = match hours {
        [a, b] => ([*a, *b], [b'0'; 2]),
        [a, b, c, d] | [a, b, b':', c, d] => ([*a, *b], [*c, *d]),
        _ => return None,
    };
    let minutes = (digit(h[0], b'1')? * 10 + digit(h[1], b'9')?) * 60 + digit(m[0], b'5')? * 10 + digit(m[1], b'9')?;
    match sign {
        b'+' => Some(minutes),
        b'-' => Some(-minutes),
        _ => None,
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month as usize - 1]
}

/// Days from 1970 on: years begin in March, so that the day which some lack is the last.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_texts_spell() {
        for (text, expected) in [
            ("1.5", Some(1.5)),
            (" -1e3\t", Some(-1000.)),
            ("+5", Some(5.)),
            ("1.", Some(1.)),
            (".5", Some(0.5)),
            ("007", Some(7.)),
            ("1e999", Some(f64::INFINITY)),
            ("-NaN", Some(f64::INFINITY)),
            ("Infinity", Some(f64::INFINITY)),
            ("", None),
            (".", None),
            ("1_0", None),
            ("0x10", None),
            ("1e", None),
            ("1 2", None),
            ("- 1", None),
            ("++1", None),
            ("infinit", None),
            ("e5", None),
            ("1.5.5", None),
            ("\u{661}", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn whole_numbers_beyond_the_doubles_keep_what_they_exceed_them_by() {
        assert_eq!(time(b"1600000000000000003"), Time::Number(1.6e18, 3));
        assert_eq!(time(b"-9007199254740993"), Time::Number(-9_007_199_254_740_992., -1));
        assert_eq!(time(b"1e300"), Time::Number(1e300, 0));
    }

    #[test]
    fn dates_are_seconds() {
        for (text, expected) in [
            ("1970-01-01", Some(0.)),
            ("2024-02-29", Some(1_709_164_800.)),
            ("2023-02-29", None),
            ("1900-02-29", None),
            ("2024-05-01T10:20", Some(1_714_558_800.)),
            ("2024-05-01 10:20:30Z", Some(1_714_558_830.)),
            ("2024-05-01 10:20:30.25+02:00", Some(1_714_551_630.25)),
            ("2024-05-01T10:20:30.123456-0330", Some(1_714_571_430.123456)),
            ("2024-05-01 10:20+02", Some(1_714_551_600.)),
            ("1969-12-31T23:59:59.5", Some(-0.5)),
            ("2024-05-01T24:00", None),
            ("2024-05-01T10:20:60", None),
            ("2024-05-01T10", None),
            ("2024-5-1", None),
            ("0999-01-01", None),
            ("2024-13-01", None),
            ("2024-01-00", None),
            ("2024-05-01 10:20:30.", None),
            ("2024-05-01 10:20:30.1234567", None),
            ("2024-05-01 10:20 Z", None),
            ("2024-05-01Z", None),
            ("2024-05-01 10:20+2", None),
            ("2024-05-01 10:20+20:00", None),
        ] {
            let found = if let Time::Date(seconds) = time(text.as_bytes()) { Some(seconds) } else { None };
            assert_eq!(found, expected, "{text}");
        }
    }
}
