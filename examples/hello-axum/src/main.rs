use std::{env, error::Error, time::Duration};

use axum::{Router, response::Html, routing::get};
use tokio::{net::TcpListener, time::sleep};

const GREETING: &str = "Hello from axum";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on {}", listener.local_addr()?);
    let app = Router::new().route("/", get(hello)).route("/slow", get(slow));
    Ok(axum::serve(listener, app).await?)
}

async fn hello() -> Html<String> {
    Html(page(r#"Some things <a href="/slow">take a second</a>."#))
}

/// Takes a second, and is answered even if the program is built anew meanwhile.
async fn slow() -> Html<String> {
    sleep(Duration::from_secs(1)).await;
    Html(page(r#"That took a second. <a href="/">Back</a>"#))
}

fn page(text: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"utf-8\">\n  <title>{GREETING}</title>\n</head>\n\
         <body>\n  <h1>{GREETING}</h1>\n  <p>{text}</p>\n</body>\n</html>\n"
    )
}
