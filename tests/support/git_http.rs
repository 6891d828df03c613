//! git's own smart HTTP server behind a few lines of HTTP with basic authentication, on a loopback port.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

/// What the server saw.
#[derive(Default, Debug)]
pub(crate) struct Seen {
    /// Requests that carried any login.
    pub(crate) logins: usize,
    /// Command lines of the machine that showed the token while a request ran.
    pub(crate) command_lines_with_token: Vec<String>,
}

/// A running server; ends with the test's runtime.
pub(crate) struct GitHttp {
    pub(crate) url: String,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

struct Settings {
    root: PathBuf,
    user: String,
    token: String,
    /// Answers every request by sending the client here.
    redirect: Option<String>,
    seen: Arc<Mutex<Seen>>,
}

/// Serves the repositories below `root` to one user.
pub(crate) async fn serve(root: &Path, user: &str, token: &str, redirect: Option<String>) -> GitHttp {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (user, token) = (user.to_owned(), token.to_owned());
    let settings = Arc::new(Settings { root: root.to_owned(), user, token, redirect, seen: seen.clone() });
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let settings = settings.clone();
            tokio::spawn(async move {
                let _ = answer(stream, &settings).await;
            });
        }
    });
    GitHttp { url, seen }
}

async fn answer(stream: TcpStream, settings: &Settings) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        head.push(line);
    }
    let header = |name: &str| {
        head.iter()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    };
    if header("expect").is_some() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = header("content-length").and_then(|value| value.parse().ok());
    let body = body(&mut stream, length, header("transfer-encoding") == Some("chunked")).await?;
    look_at_command_lines(settings);
    let login = base64::prelude::BASE64_STANDARD.encode(format!("{}:{}", settings.user, settings.token));
    let given = header("authorization");
    settings.seen.lock().unwrap().logins += usize::from(given.is_some());
    if let Some(target) = &settings.redirect {
        return close(
            stream,
            format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n").as_bytes(),
        )
        .await;
    }
    if given != Some(&format!("Basic {login}")) {
        // A rude server tells everybody what it was given; git prints it as `remote: …`.
        let login = given.and_then(|given| given.strip_prefix("Basic ")).unwrap_or_default();
        let echo =
            String::from_utf8(base64::prelude::BASE64_STANDARD.decode(login).unwrap_or_default()).unwrap_or_default();
        let status = if given.is_some() { "403 Forbidden" } else { "401 Unauthorized" };
        let words = format!(
            "HTTP/1.1 {status}\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Type: text/plain\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{echo}",
            echo.len()
        );
        return close(stream, words.as_bytes()).await;
    }
    let answer = backend(settings, &head[0], &header, body).await?;
    close(stream, &answer).await
}

/// Runs git's CGI program (git-http-backend(1)) and makes an HTTP answer of its output.
async fn backend<'a>(
    settings: &Settings,
    request: &str,
    header: &impl Fn(&str) -> Option<&'a str>,
    body: Vec<u8>,
) -> std::io::Result<Vec<u8>> {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut backend = Command::new("git");
    backend.arg("http-backend").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    backend.envs([
        ("GIT_PROJECT_ROOT", settings.root.to_str().unwrap()),
        ("GIT_HTTP_EXPORT_ALL", "1"),
        ("REMOTE_USER", "bot"),
    ]);
    backend.envs([("REQUEST_METHOD", method), ("PATH_INFO", path), ("QUERY_STRING", query)]);
    backend
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string());
    backend.env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default());
    backend.env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
    let mut child = backend.spawn()?;
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move { stdin.write_all(&body).await });
    let output = child.wait_with_output().await?;
    let _ = feed.await;
    let split = output.stdout.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    let cgi = String::from_utf8_lossy(&output.stdout[..split]).into_owned();
    let status = cgi.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let mut answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\n{cgi}").into_bytes();
    answer.extend_from_slice(&output.stdout[split..]);
    Ok(answer)
}

async fn close(mut stream: BufReader<TcpStream>, answer: &[u8]) -> std::io::Result<()> {
    stream.write_all(answer).await?;
    stream.shutdown().await
}

async fn body(stream: &mut BufReader<TcpStream>, length: Option<usize>, chunked: bool) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    let mut is_more = chunked;
    while is_more {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
        let start = body.len();
        body.resize(start + size + 2, 0);
        stream.read_exact(&mut body[start..]).await?;
        body.truncate(start + size);
        is_more = size > 0;
    }
    Ok(body)
}

/// Does what `ps` does for everybody on the machine.
fn look_at_command_lines(settings: &Settings) {
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(&settings.token) {
            settings.seen.lock().unwrap().command_lines_with_token.push(line);
        }
    }
}
