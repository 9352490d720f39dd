use super::*;

struct Place {
    caller: Caller,
    file: TokenFile,
    _folder: tempfile::TempDir,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::of(folder.path());
    let gate = Gate::closed(file.clone(), 7771).unwrap();
    let address = "192.0.2.1".parse().unwrap();
    Place {
        caller: Caller::new(address, true, gate),
        file,
        _folder: folder,
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
fn tokens_open_what_they_are_good_for() {
    let place = place();
    let add = |name, right, projects: &[&str]| {
        let projects = projects.iter().map(|name| (*name).to_owned()).collect();
        place.file.add(name, vec![right], projects).unwrap()
    };
    let reader = add("reader", Right::Read, &[]);
    let sender = add("sender", Right::Ingest, &[]);
    let limited = add("limited", Right::Read, &["shop"]);
    let check = |pairs: &[(&'static str, &str)], right| place.caller.check(&headers(pairs), right);
    let bearer = |token: &str| format!("Bearer {token}");
    let granted = Ok(Granted::default());
    let shop = check(&[("authorization", &bearer(&limited))], Right::Read).unwrap();
    assert_eq!(shop.projects.as_deref(), Some(&["shop".to_owned()][..]));
    // Who asks for it in this process is limited likewise.
    let asked = Caller::ourselves(&shop).check(&HeaderMap::new(), Right::Read);
    assert_eq!(asked, Ok(shop));
    assert_eq!(
        check(&[("authorization", &bearer(&reader))], Right::Read),
        granted
    );
    assert_eq!(
        check(
            &[("authorization", &format!("bearer {sender}"))],
            Right::Ingest
        ),
        granted
    );
    for (token, right) in [
        (&reader, Right::Ingest),
        (&reader, Right::Admin),
        (&sender, Right::Read),
    ] {
        assert_eq!(
            check(&[("authorization", &bearer(token))], right),
            Err(Denial::NotAllowed { needs: right })
        );
    }
    assert_eq!(check(&[], Right::Read), Err(Denial::NoToken));
    for wrong in ["Bearer", "Bearer x", "Basic abc", reader.as_str(), ""] {
        assert_eq!(
            check(&[("authorization", wrong)], Right::Read),
            Err(Denial::UnknownToken),
            "{wrong}"
        );
    }
    let twice = [
        ("authorization", bearer(&reader)),
        ("authorization", bearer(&reader)),
    ];
    let twice = twice
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_eq!(check(&twice, Right::Read), Err(Denial::UnknownToken));
}

#[test]
fn a_removed_token_opens_nothing() {
    let place = place();
    let token = place.file.add("me", vec![Right::Admin], vec![]).unwrap();
    let cookie = place.caller.sign_in(&token).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let by_cookie = headers(&[("cookie", &format!("a=b; {cookie}"))]);
    let by_header = headers(&[("authorization", &format!("Bearer {token}"))]);
    assert_eq!(
        place.caller.check(&by_cookie, Right::Admin),
        Ok(Granted {
            by_cookie: true,
            projects: None
        })
    );
    assert!(place.caller.check(&by_header, Right::Admin).is_ok());
    place.file.remove("me").unwrap();
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(
        place.caller.check(&by_cookie, Right::Read),
        Err(Denial::NoToken)
    );
    assert_eq!(
        place.caller.check(&by_header, Right::Read),
        Err(Denial::UnknownToken)
    );
}

#[test]
fn cookies_cannot_be_made_up() {
    let place = place();
    let token = place.file.add("me", vec![Right::Read], vec![]).unwrap();
    let cookie = place.caller.sign_in(&token).unwrap();
    assert!(cookie.starts_with("spanreel-7771=") && !cookie.contains(&token));
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let value = cookie.split(';').next().unwrap();
    let (name, value) = value.split_once('=').unwrap();
    let (ends, signature) = value.split_once('.').unwrap();
    let later: u64 = ends.parse::<u64>().unwrap() + 1;
    for wrong in [
        format!("{name}={later}.{signature}"),
        format!("{name}={ends}.{}", "0".repeat(64)),
        format!("{name}=1.{signature}"),
        format!("{name}={ends}"),
        format!("{name}="),
        format!("spanreel-1={value}"),
    ] {
        let outcome = place
            .caller
            .check(&headers(&[("cookie", &wrong)]), Right::Read);
        assert_eq!(outcome, Err(Denial::NoToken), "{wrong}");
    }
    // Another process has another key.
    let other = Gate::closed(place.file.clone(), 7771).unwrap();
    let other = Caller::new(place.caller.address, true, other);
    let outcome = other.check(
        &headers(&[("cookie", &format!("{name}={value}"))]),
        Right::Read,
    );
    assert_eq!(outcome, Err(Denial::NoToken));
}

#[test]
fn wrong_tokens_are_slowed_down_and_right_ones_are_not() {
    let place = place();
    let token = place.file.add("me", vec![Right::Read], vec![]).unwrap();
    let wrong = headers(&[("authorization", "Bearer wrong")]);
    for _ in 0..10 {
        assert_eq!(
            place.caller.check(&wrong, Right::Read),
            Err(Denial::UnknownToken)
        );
    }
    let denial = place.caller.check(&wrong, Right::Read).unwrap_err();
    assert!(
        denial.retry_after_seconds().is_some_and(|wait| wait >= 1),
        "{denial:?}"
    );
    let right = headers(&[("authorization", &format!("Bearer {token}"))]);
    assert!(place.caller.check(&right, Right::Read).is_ok());
    assert!(matches!(
        place.caller.sign_in("wrong"),
        Err(Denial::TooManyFailures { .. })
    ));
}
