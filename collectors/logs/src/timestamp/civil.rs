//! Parts of written times, by hand: they are on the path of every record.

/// A day has so many seconds; leap seconds are not counted.
pub(super) const DAY: i64 = 86_400;

/// Of at most nine digits, and nothing but digits.
pub(super) fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(number * 10 + u32::from(digit))
    })
}

/// As [`number`], where a blank may stand for the first of two digits.
pub(super) fn padded(digits: &[u8]) -> Option<u32> {
    match digits {
        [b' ', digit] => number(&[*digit]),
        digits => number(digits),
    }
}

/// `03:04:05`, in seconds; a leap second is the second after it.
pub(super) fn clock(text: &[u8]) -> Option<i64> {
    let text: &[u8; 8] = text.try_into().ok()?;
    if text[2] != b':' || text[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (number(&text[..2])?, number(&text[3..5])?, number(&text[6..])?);
    (hour < 24 && minute < 60 && second <= 60).then_some(i64::from(hour * 3600 + minute * 60 + second))
}

/// `.678` or `,678` in nanoseconds, and how long it is; more than nine digits are read and do not count. Nothing
/// if `text` begins otherwise.
pub(super) fn fraction(text: &[u8]) -> (u32, usize) {
    let [b'.' | b',', digits @ ..] = text else { return (0, 0) };
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if len == 0 {
        return (0, 0);
    }
    let kept = len.min(9);
    let nanos = number(&digits[..kept]).unwrap_or(0) * 10u32.pow(9 - kept as u32);
    (nanos, 1 + len)
}

/// `+01:00`, `+0100` or `+01` at the beginning of `text`, in seconds east of UTC, and how long it is.
pub(super) fn offset(text: &[u8]) -> Option<(i64, usize)> {
    let sign = match text.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize| number(text.get(at..at + 2)?);
    let hours = two(1)?;
    let (minutes, len) = match text.get(3) {
        Some(b':') => two(4).map_or((0, 3), |minutes| (minutes, 6)),
        _ => two(3).map_or((0, 3), |minutes| (minutes, 5)),
    };
    let is_over = text.get(len).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (hours < 24 && minutes < 60 && is_over).then_some((sign * i64::from(hours * 3600 + minutes * 60), len))
}

/// `Jan` to `Dec`, as 1 to 12.
pub(super) fn month(name: &[u8]) -> Option<u32> {
    Some(match name {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    })
}

/// Days from 1970-01-01, in the Gregorian calendar: whole eras of 400 years, years that begin in March.
pub(super) fn days(year: u32, month: u32, day: u32) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length {
        return None;
    }
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The year of a time in seconds since the epoch, 1970 or later.
pub(super) fn year(seconds: i64) -> u32 {
    let day = seconds / DAY;
    // Never too late, and at most one too early: the first day of the next year tells.
    let guess = 1970 + (day * 400 / 146_097) as u32;
    guess + u32::from(days(guess + 1, 1, 1).is_some_and(|next| next <= day))
        - u32::from(days(guess, 1, 1).is_some_and(|first| first > day))
}
