#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// A message whose answers are these records of `example.com`: their types and data.
fn message(records: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
    bytes.extend(b"\x07example\x03com\x00\x00\x01\x00\x01");
    for (kind, data) in records {
        bytes.extend([0xc0, 12]);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1, 0, 0, 0x0e, 0x10]);
        bytes.extend((data.len() as u16).to_be_bytes());
        bytes.extend(*data);
    }
    bytes
}

/// The text of the data of one record.
fn data(kind: u16, data: &[u8]) -> String {
    let response = Response::parse(message(&[(kind, data)])).unwrap();
    let text = response.text(&response.answers[0]);
    let head = format!("example.com.\t3600\tIN\t{}\t", type_name(kind));
    text.strip_prefix(&head).unwrap_or_else(|| panic!("{text:?} without {head:?}")).to_owned()
}

/// A name that points to `example.com` in the question, after a label.
const WWW: &[u8] = b"\x03www\xc0\x0c";

fn row(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn the_line_of_a_record_has_tabs_between_its_parts() {
    let response = Response::parse(message(&[(1, &[127, 0, 0, 1])])).unwrap();
    assert_eq!(response.text(&response.answers[0]), "example.com.\t3600\tIN\tA\t127.0.0.1");
}

#[test]
fn addresses_and_names() {
    assert_eq!(data(28, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "2001:db8::1");
    let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
    assert_eq!(data(28, &mapped), "::ffff:192.0.2.1");
    assert_eq!(data(2, WWW), "www.example.com.");
    assert_eq!(data(5, b"\0"), ".");
    assert_eq!(data(12, b"\x04a.b\x07\x03c d\0"), r"a\.b\007.c\ d.");
    assert_eq!(data(15, &row(&[&[0, 10], WWW])), "10 www.example.com.");
    assert_eq!(data(33, &row(&[&[0, 10, 0, 60, 0x13, 0xc4], WWW])), "10 60 5060 www.example.com.");
}

#[test]
fn a_start_of_authority_has_its_numbers_after_its_names() {
    let numbers: Vec<u8> =
        [2024010101_u32, 7200, 3600, 1209600, 60].iter().flat_map(|n| n.to_be_bytes()).collect();
    let soa = row(&[WWW, b"\x05admin\xc0\x0c", &numbers]);
    assert_eq!(data(6, &soa), "www.example.com. admin.example.com. 2024010101 7200 3600 1209600 60");
    assert_eq!(Response::parse(message(&[(6, &soa)])).unwrap().serial(), Some(2024010101));
}

#[test]
fn texts_are_quoted_and_escaped() {
    assert_eq!(data(16, b"\x05hello\x00\x07a \"b\\\n\xff"), r#""hello" "" "a \"b\\\010\255""#);
    assert_eq!(data(13, b"\x03x86\x05Linux"), r#""x86" "Linux""#);
    assert_eq!(data(20, b"\x03150"), r#""150" """#);
    assert_eq!(
        data(257, b"\x00\x05issueca.example; x=\\\\y\\.z\\065\\"),
        r#"0 issue "ca.example; x=\\y\.zA""#
    );
    assert_eq!(data(256, b"\0\x0a\0\x01https://x/\"q\""), r#"10 1 "https://x/\"q\"""#);
    let naptr = row(&[&[0, 1, 0, 2], b"\x01u\x07E2U+sip\x0b!^.*$!s:\\1!\0"]);
    assert_eq!(data(35, &naptr), r#"1 2 "u" "E2U+sip" "!^.*$!s:\\1!" ."#);
    assert_eq!(data(27, b"\x03-32\x03116\x0210"), "-32 116 10");
}

#[test]
fn signatures_and_keys() {
    assert_eq!(data(43, &[0xd4, 0x31, 8, 2, 0xab, 0xcd]), "54321 8 2 ABCD");
    assert_eq!(data(48, b"\x01\x01\x03\x0dkey"), "257 3 13 a2V5");
    assert_eq!(data(52, &[3, 1, 1, 0xab, 0xcd]), "3 1 1 abcd");
    assert_eq!(data(44, &[4, 2, 0xab]), "4 2 AB");
    let rrsig = row(&[
        &[0, 1, 13, 2, 0, 0, 0x0e, 0x10],
        &1_704_067_199_u32.to_be_bytes(),
        &0_u32.to_be_bytes(),
        &[1, 0],
        WWW,
        b"sig",
    ]);
    assert_eq!(data(46, &rrsig), "A 13 2 3600 20231231235959 19700101000000 256 www.example.com. c2ln");
    assert_eq!(
        data(47, &row(&[WWW, &[0, 6, 0x40, 1, 0, 0, 0, 3, 1, 1, 0x40]])),
        "www.example.com. A MX RRSIG NSEC CAA"
    );
    let nsec3 = [1, 0, 0, 10, 2, 0xaa, 0xbb, 5, 0, 0x44, 0x32, 0x14, 0xc7, 0, 1, 0x40];
    assert_eq!(data(50, &nsec3), "1 0 10 AABB 01234567 A");
    assert_eq!(data(51, &[1, 0, 0, 0, 0]), "1 0 0 -");
    assert_eq!(data(37, &[0, 1, 0, 9, 13, 1, 2, 3]), "PKIX 9 ECDSAP256SHA256 AQID");
    assert_eq!(data(62, &[0, 0, 0, 66, 0, 3, 0, 1, 0x40]), "66 3 A");
}

#[test]
fn services_have_their_parameters_by_name() {
    let parameters: &[&[u8]] = &[
        &[0, 1],
        WWW,
        &[0, 0, 0, 4, 0, 1, 0, 3],
        &[0, 1, 0, 9, 2, b'h', b'2', 5, b'a', b',', b'b', b'\\', b' '],
        &[0, 2, 0, 0],
        &[0, 3, 0, 2, 1, 187],
        &[0, 4, 0, 8, 192, 0, 2, 1, 192, 0, 2, 2],
        &[0, 5, 0, 3, 1, 2, 3],
        &[0, 6, 0, 16, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &[0, 7, 0, 3, b'/', b';', 1],
        &[2, 154, 0, 2, b'o', b'k'],
    ];
    let expected = r#"1 www.example.com. mandatory="alpn,port" alpn="h2,a\\\044b\\\092\ " no-default-alpn="" port="443" ipv4hint="192.0.2.1,192.0.2.2" ech="AQID" ipv6hint="2001:db8::1" dohpath="/\;\001" key666="ok""#;
    assert_eq!(data(65, &row(parameters)), expected);
    assert_eq!(data(64, &[0, 0, 0]), "0 .");
}

#[test]
fn places_prefixes_and_gateways() {
    let location: Vec<u8> = [0x0012_1613_u32, 0x8b0d_2c8c, 0x7ff8_fc08, 0x0098_9680]
        .iter()
        .flat_map(|n| n.to_be_bytes())
        .collect();
    assert_eq!(data(29, &location), "51 30 12.748 N 00 07 39.768 W 0m 1m 10000m 10m");
    assert_eq!(
        data(42, &[0, 1, 24, 0x83, 192, 0, 2, 0, 2, 32, 4, 0x20, 1, 0xd, 0xb8]),
        "!1:192.0.2.0/24 2:2001:db8::/32"
    );
    assert_eq!(data(45, &[10, 1, 2, 192, 0, 2, 3, 1, 2, 3]), "10 1 2 192.0.2.3 AQID");
    assert_eq!(data(45, &row(&[&[10, 3, 2], WWW, &[1, 2, 3]])), "10 3 2 www.example.com. AQID");
    assert_eq!(data(260, &[10, 0x81, 192, 0, 2, 3]), "10 1 1 192.0.2.3");
    assert_eq!(data(260, &[10, 0]), "10 0 0 .");
    assert_eq!(
        data(55, &row(&[&[2, 2, 0, 3, 0xab, 0xcd, 1, 2, 3], WWW, WWW])),
        "2 abcd AQID www.example.com. www.example.com."
    );
    assert_eq!(data(104, &[0, 10, 0, 1, 0xab, 3, 4, 5, 6, 7]), "10 0001:ab03:0405:0607");
    assert_eq!(data(106, &[0, 10, 0, 1, 0xab, 3, 4, 5, 6, 7]), "10 0001:AB03:0405:0607");
    assert_eq!(data(108, &[0, 1, 0xab, 3, 4, 5]), "00-01-ab-03-04-05");
}

#[test]
fn what_is_not_known_is_printed_as_bytes() {
    let text = |kind, data: &[u8]| {
        let response = Response::parse(message(&[(kind, data)])).unwrap();
        response.text(&response.answers[0])
    };
    assert_eq!(text(65280, &[1, 0xab]), "example.com.\t3600\tCLASS1\tTYPE65280\t\\# 2 01ab");
    assert_eq!(text(10, b"x"), ";example.com.\t3600\tIN\tNULL\tx");
    assert_eq!(text(1, b""), "example.com.\t3600\tIN\tA\t");
    assert_eq!(
        text(41, &[0, 10, 0, 1, 0xab]),
        "\n;; OPT PSEUDOSECTION:\n; EDNS: version 0; flags:; MBZ: 0x0e10, udp: 1\n; LOCAL OPT: 10:0xab"
    );
}

#[test]
fn data_that_its_type_does_not_allow_is_an_error() {
    for (kind, data) in [
        (1, &[127, 0, 0][..]),
        (1, &[127, 0, 0, 1, 0]),
        (16, &[5, b'x']),
        (47, &[0, 0, 0]),
        (47, &[0, 0, 1, 1, 0, 1, 1]),
        (65, &[0, 1, 0, 0, 3, 0, 1, 1]),
        (65, &[0, 1, 0, 0, 4, 0, 0]),
        (42, &[0, 3, 1, 0]),
        (42, &[0, 1, 33, 0]),
        (2, &[0xc0, 200]),
    ] {
        assert!(Response::parse(message(&[(kind, data)])).is_err(), "{kind} {data:?}");
    }
}

proptest! {
    #[test]
    fn any_data_of_any_type_is_a_line_or_an_error(
        kind in prop_oneof![0..70_u16, 99..110_u16, 249..262_u16, any::<u16>()],
        data in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        if let Ok(response) = Response::parse(message(&[(kind, &data)])) {
            let text = response.text(&response.answers[0]);
            prop_assert!(text.contains("example.com.\t3600\t") || kind == codes::OPT);
            prop_assert!(!text.contains('\n') || matches!(kind, codes::OPT | 10), "{text:?}");
        }
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(response) = Response::parse(bytes) {
            let _ = response.summary();
        }
    }

    #[test]
    fn a_message_with_any_byte_changed_is_one_or_an_error(at in 0..200_usize, byte: u8) {
        let mut bytes = message(&[(6, &row(&[WWW, WWW, &[0; 20]])), (65, &row(&[&[0, 1], WWW])), (16, b"\x02ok"), (55, &row(&[&[0; 4], WWW]))]);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = Response::parse(bytes).map(|response| response.summary());
    }
}
