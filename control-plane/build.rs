//! Rebuilds when a migration is added, and makes sure that there is a console folder to embed.

use std::{fs, io, path::Path};

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Muster</title>\
<p>This build has no console. Run <code>npm ci &amp;&amp; npm run build</code> in <code>control-plane/console</code> and build again.</p></html>";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-changed=console/dist");
    let index = Path::new("console/dist/index.html");
    if !index.exists() {
        fs::create_dir_all("console/dist")?;
        fs::write(index, PLACEHOLDER)?;
    }
    Ok(())
}
