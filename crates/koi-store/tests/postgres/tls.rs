//! TLS and passwords, as the address asks for them.

use std::process::{Command, Stdio};

use koi_store::StoreError;
use koi_store::postgres::Database;

use crate::server::Server;

/// A server that answers on a port of its own, and its certificate, which names `localhost`.
fn server() -> (Server, u16, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let (certificate, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    let status = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
        ])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "openssl comes with PostgreSQL: run ./test, which installs it"
    );
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::with_tls(&certificate, &key, port);
    (server, port, place)
}

#[test]
fn tls_and_passwords_are_as_the_address_asks() {
    let (server, port, place) = server();
    let name = server.fresh();
    server.sql(&name).run("CREATE ROLE till LOGIN PASSWORD 'pa:ss/w@rd s3cret'");
    server.sql(&name).run("GRANT CREATE ON SCHEMA public TO till");
    let roots = place.path().join("cert.pem").display().to_string().replace('/', "%2F");
    let serve = |host: &str, password: &str, parameters: &str| {
        let url = format!("postgres://till:{password}@{host}:{port}/{name}?{parameters}");
        url.parse::<Database>().unwrap().serve(None).map(|_| ())
    };
    let right = "pa%3Ass%2Fw%40rd%20s3cret";
    serve("localhost", right, "").unwrap();
    let encrypted =
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'till' AND ssl";
    let (writer, _) = format!("postgres://till:{right}@127.0.0.1:{port}/{name}?sslmode=require")
        .parse::<Database>()
        .unwrap()
        .serve(None)
        .unwrap();
    assert_eq!(server.sql(&name).value(encrypted), "1");
    drop(writer);
    serve("localhost", right, &format!("sslmode=verify-full&sslrootcert={roots}")).unwrap();

    // The server insists on TLS, too.
    for (host, parameters) in [
        ("localhost", "sslmode=disable".to_owned()),
        // The certificate names another host; and it is signed by nobody that the web trusts.
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={roots}")),
        ("localhost", "sslmode=verify-full".to_owned()),
    ] {
        let refused = serve(host, right, &parameters).unwrap_err();
        assert!(!refused.to_string().contains("s3cret"), "{refused}");
    }
    let refused = serve("localhost", "wr0ng", "").unwrap_err();
    assert!(matches!(&refused, StoreError::Refused(why) if why.contains("password")), "{refused}");
    assert!(!refused.to_string().contains("wr0ng"), "{refused}");
}
