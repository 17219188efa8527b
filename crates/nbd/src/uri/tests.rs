use super::*;

fn parsed(uri: &str) -> Result<(String, String), String> {
    let Uri {
        address,
        export,
        tls,
    } = Uri::parse(uri.as_bytes())?;
    let tls = tls.map_or_else(String::new, |tls| {
        format!(" {:?} {:?}", tls.certificates, tls.hostname)
    });
    let address = match address {
        Address::Tcp { host, port } => format!("{host} {port}"),
        Address::Unix(path) => path.into_os_string().into_string().unwrap(),
    };
    Ok((address + &tls, export))
}

#[test]
fn uris_name_a_server_and_an_export() {
    for (uri, address, export) in [
        ("nbd://example.com", "example.com 10809", ""),
        ("nbd://example.com/", "example.com 10809", ""),
        ("NBD://example.com:/disk", "example.com 10809", "disk"),
        ("nbd://example.com:10810/disk", "example.com 10810", "disk"),
        ("nbd://example.com//disk", "example.com 10809", "/disk"),
        ("nbd://h/hello%20world%2f%C3%a4", "h 10809", "hello world/ä"),
        ("nbd://[::1]:1/a/b", "::1 1", "a/b"),
        ("nbd://[2001:db8:0::1]", "2001:db8::1 10809", ""),
        ("nbd+unix:///?socket=/run/x", "/run/x", ""),
        ("nbd+unix://?socket=x.sock", "x.sock", ""),
        ("nbds://h/x", "h 10809 None None", "x"),
        (
            "NBDS://h/x?tls-certificates=/etc/a%20b&tls-hostname=c",
            "h 10809 Some(\"/etc/a b\") Some(\"c\")",
            "x",
        ),
        (
            "nbds+unix:///x?tls-hostname=c&socket=/run/x",
            "/run/x None Some(\"c\")",
            "x",
        ),
        (
            "nbd+unix:///a+b?socket=/run/a%3Fb%26c+d",
            "/run/a?b&c+d",
            "a+b",
        ),
    ] {
        assert_eq!(
            parsed(uri),
            Ok((address.to_owned(), export.to_owned())),
            "{uri}"
        );
    }
}

#[test]
fn anything_that_is_not_understood_is_refused() {
    for (uri, reason) in [
        ("nbds+unix:///?socket=/x", "add &tls-hostname"),
        ("nbds://h/x?tls-psk-file=/x", "pre-shared keys"),
        ("nbds://user@h/x", "pre-shared keys"),
        ("nbds://h/x?tls-verify-peer=false", "always verified"),
        ("nbds://h/x?tls-certificates=", "not the path"),
        ("nbds://h/x?tls-hostname=%ff", "no name"),
        ("nbds://h/x?tls-hostname=a&tls-hostname=b", "twice"),
        ("nbds://h/x?tls-type=anon", "tls-type is unknown"),
        ("nbd://h/x?tls-certificates=/x", "needs the scheme nbds"),
        ("nbd+vsock://2/x", "nbd+vsock is not supported"),
        ("nbd:///x", "names no host: nbd://HOST/EXPORT"),
        ("nbds:///x", "names no host: nbds://HOST/EXPORT"),
        ("nbd://", "names no host"),
        ("nbd://user@h/x", "user name"),
        ("nbd://h:0/x", "a port"),
        ("nbd://h:65536/x", "a port"),
        ("nbd://h:+1/x", "a port"),
        ("nbd://h:1:2/x", "a port"),
        ("nbd://[::1/x", "] is missing"),
        ("nbd://[h]/x", "must be IPv6"),
        ("nbd://[::1]x/x", "a port"),
        ("nbd://a%62/x", "the name of a host"),
        ("nbd://h/a b", "%20"),
        ("nbd://h/ä", "%C3"),
        ("nbd://h/x#y", "%23"),
        ("nbd://h/%zz", "two hexadecimal digits"),
        ("nbd://h/%+1", "two hexadecimal digits"),
        ("nbd://h/%4", "two hexadecimal digits"),
        ("nbd://h/%ff", "not UTF-8"),
        ("nbd://h/%00", "such a name"),
        ("nbd://h/x?socket=/x", "needs the scheme nbd+unix"),
        ("nbds://h/x?socket=/x", "needs the scheme nbds+unix"),
        ("nbd://h/x?tls-type=x509", "tls-type is unknown"),
        ("nbd://h/x?a%0Ab", "a?b is unknown"),
        ("nbd+unix:///x", "socket is missing: nbd+unix:///"),
        ("nbds+unix:///x", "socket is missing: nbds+unix:///"),
        ("nbd+unix:///?socket=", "not the path"),
        ("nbd+unix:///?socket=%00x", "not the path"),
        ("nbd+unix:///?socket=/x&socket=/y", "twice"),
        ("nbd+unix://h/?socket=/x", "has no host"),
    ] {
        let refusal = parsed(uri).unwrap_err();
        assert!(refusal.contains(reason), "{uri}: {refusal}");
    }
    let long = format!("nbd://h/{}", "x".repeat(MAX_NAME + 1));
    assert!(parsed(&long).is_err());
}

#[test]
fn only_schemes_for_nbd_make_a_name_a_uri() {
    for name in ["nbd://", "NBD+unix:///", "nbds://h", "nbd+vsock://1"] {
        assert!(is_uri(name.as_bytes()), "{name}");
    }
    for name in [
        "./nbd://h",
        "nbd:x",
        "nbd:/x",
        "ssh://h/nbd://",
        "h:nbd://x",
        "/nbd://x",
        "nbdx://h",
        "nbd+a b://h",
        "",
    ] {
        assert!(!is_uri(name.as_bytes()), "{name}");
    }
}
