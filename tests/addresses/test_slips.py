"""An address that is mistyped: no command tells anything of the password in it."""

import json
import traceback
from contextlib import suppress

import psycopg
import pytest
from addresses_with_passwords import ACCEPTED, FIRST, OF_THE_WEB, REFUSED, SECOND, hidden
from file_content import content
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.addresses.postgres import parse, postgres_address
from lakehouse.cli import main
from lakehouse.config import load
from lakehouse.errors import COULD_NOT_RUN, ConfigError, PublishError
from lakehouse.postgres import connected
from lakehouse.postgres.reading import query

PASSWORD = FIRST + SECOND
COMMANDS = [
    "run --date 2024-03-15",
    "backfill --from 2024-03-15 --to 2024-03-16",
    "plan",
    "publish",
    "doctor",
    "query --on postgres select",
    "postgres",
    "schedule --once",
    "alerts --test",
    "maintain",
]
OF_A_SERVER = {
    "nobody there": "postgresql://user:{password}@127.0.0.1:9/db",
    "no such host": "postgresql://user:{password}@nowhere.invalid/db",
    "wrong password": "postgresql://postgres:{password}@/{database}?host={host}",
    "no such user": "postgresql://{password}:x@/{database}?host={host}",
    "no such database": "postgresql://postgres@/{password}x?host={host}&passfile={passfile}",
    "option with a value that cannot be": "postgresql://127.0.0.1:9/db?sslmode={password}",
}
"""Addresses that can be read; what is wrong about them only a server tells."""


def all_of(error):
    """What Python prints of an error, and what others may."""
    return "".join(traceback.format_exception(error)) + f"{error!r} {error}"


@pytest.fixture
def told(tmp_path, monkeypatch, capfd, compiled, warm):
    """Runs a command in an empty home; all that it prints, also with `--debug`, and all files."""
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    (tmp_path / "__pycache__").symlink_to(compiled)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    for name in ("NIGHTSCOUT_API_SECRET", "NIGHTSCOUT_TOKEN", "LAKEHOUSE_POSTGRES_URL"):
        monkeypatch.delenv(name, raising=False)

    def command(words):
        code, more = 0, ""
        for debug in ([], ["--debug"]):
            with suppress(SystemExit):
                try:
                    code = max(code, main([*debug, *words.split()]))
                except Exception:  # noqa: BLE001 - whatever it is
                    code, more = COULD_NOT_RUN, more + traceback.format_exc()
        printed = capfd.readouterr()
        files = [str(path) for path in tmp_path.rglob("*")]
        files += [content(path) for path in tmp_path.rglob("*") if path.is_file()]
        return code, "\n".join([printed.out, printed.err, more, *files])

    return command


@pytest.mark.sample(10)
@pytest.mark.parametrize("slip", REFUSED.values(), ids=REFUSED)
def test_no_command_tells_an_address_of_postgres_that_cannot_be_read(told, monkeypatch, slip):
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", slip)
    for words in COMMANDS:
        code, text = told(words)
        assert code == COULD_NOT_RUN, words
        assert "LAKEHOUSE_POSTGRES_URL is no address of Postgres" in text
        assert hidden(text), words


OF_AN_IDENTITY = ("TOKEN_URL", "CLIENT_ID", "SCOPE", "CA_FILE")
VARIABLES = [
    "LAKEHOUSE_PROFILE",
    "LAKEHOUSE_ENGINE",
    "LAKEHOUSE_TIMEZONE",
    "LAKEHOUSE_HOME",
    "LAKEHOUSE_POSTGRES_URL",
    "LAKEHOUSE_NESSIE_URL",
    "LAKEHOUSE_TRINO_URL",
    "LAKEHOUSE_WAREHOUSE",
    "LAKEHOUSE_S3_ENDPOINT",
    "AWS_REGION",
    *(f"LAKEHOUSE_{server}_{name}" for server in ("NESSIE", "TRINO") for name in OF_AN_IDENTITY),
    "LAKEHOUSE_NESSIE_WAREHOUSE",
    *(f"LAKEHOUSE_TRINO_{name}" for name in ("USER", "CERTIFICATE", "SECRETS", "POSTGRES_CATALOG")),
]
PRODUCTION = {
    "LAKEHOUSE_PROFILE": "production",
    "LAKEHOUSE_NESSIE_URL": "https://127.0.0.1:9",
    "LAKEHOUSE_TRINO_URL": "https://127.0.0.1:9",
    "LAKEHOUSE_NESSIE_CLIENT_ID": "etl",
    "LAKEHOUSE_NESSIE_CLIENT_SECRET": "secret",
    "LAKEHOUSE_NESSIE_TOKEN_URL": "https://127.0.0.1:9/token",
    "LAKEHOUSE_TRINO_CLIENT_ID": "etl",
    "LAKEHOUSE_TRINO_CLIENT_SECRET": "secret",
    "LAKEHOUSE_TRINO_TOKEN_URL": "https://127.0.0.1:9/token",
    "LAKEHOUSE_WAREHOUSE": "s3://lake/warehouse",
    "LAKEHOUSE_POSTGRES_URL": "postgresql://127.0.0.1:9/db",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
IN_THE_WRONG_PLACE = [
    text for text in (*OF_THE_WEB, *ACCEPTED) if any(each in text for each in "@=")
]


@pytest.mark.parametrize("variable", VARIABLES)
def test_an_address_in_the_wrong_variable_is_not_told(tmp_path, variable):
    (tmp_path / "lakehouse.toml").write_text("[project]\n")
    refused = 0
    for text in IN_THE_WRONG_PLACE:
        try:
            settings = load(tmp_path, {**PRODUCTION, variable: text})
        except ConfigError as error:
            refused += 1
            assert hidden(all_of(error))  # noqa: PT017 - some may be right
        else:
            if variable == "LAKEHOUSE_HOME":  # any name will do, unless it is an address
                assert "://" not in text
            else:
                assert variable == "LAKEHOUSE_POSTGRES_URL"
                assert hidden(repr(settings))
    assert refused


@pytest.mark.parametrize("variable", ["NIGHTSCOUT_URL", "NIGHTSCOUT_TIMEZONE", "NIGHTSCOUT_SITE"])
@pytest.mark.parametrize("text", IN_THE_WRONG_PLACE)
def test_an_address_of_a_person_that_cannot_be_meant_is_not_told(variable, text):
    from ingestion.people import configured_people

    if variable == "NIGHTSCOUT_SITE" and "://" not in text:
        return  # a name
    with pytest.raises(ConfigError, match=variable) as raised:
        configured_people({}, {"NIGHTSCOUT_URL": "https://a.example.org", variable: text})
    assert hidden(all_of(raised.value))


@pytest.mark.parametrize("where", ["timezone", "profile", "engine", "home"])
def test_a_secret_that_the_file_asks_for_in_the_wrong_place_is_not_told(tmp_path, where):
    (tmp_path / "lakehouse.toml").write_text(f'[project]\n{where} = "${{ADDRESS}}"\n')
    address = f"postgresql://user:{PASSWORD}@host/db"
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, {"ADDRESS": address})
    assert hidden(all_of(raised.value))


@pytest.fixture
def wrong_address(database):
    """Makes an address that is wrong in one way."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(database)
    known = {"database": parts["dbname"], "host": parts["host"], "passfile": parts["passfile"]}
    return lambda form: OF_A_SERVER[form].format(password=PASSWORD, **known)


@pytest.mark.long
@pytest.mark.parametrize("form", OF_A_SERVER)
def test_nothing_is_told_of_an_address_that_a_server_refuses(wrong_address, form):
    address = postgres_address(wrong_address(form), "X")
    with pytest.raises(PublishError, match="Postgres at ") as raised, connected(address):
        pass
    text = all_of(raised.value)
    if form == "no such database":
        text = text.replace(address.shown, "")  # which names the database, as it must
    assert hidden(text)


WRITTEN = [
    "postgresql://user:{}@127.0.0.1:9/db",
    "postgresql://user:{}@/db?host=/nonexistent",
    "postgresql://{}@127.0.0.1:9/db",
    "postgresql://user@127.0.0.1:9/{}",
    "postgresql://user@127.0.0.1:{}/db",
    "postgresql://127.0.0.1:9/db?{}",
    "host=127.0.0.1 port=9 user=user password={}",
    "host=127.0.0.1 port=9 password='{}' user=user",
    "host='127.0.0.1' port=9 user=user {}",
    *(
        f"postgresql://127.0.0.1:9/db?{option}={{}}"
        for option in ("password", "sslpassword", "options", "passfile", "service", "sslkey")
    ),
    *(
        f"host=127.0.0.1 port=9 {option}={{}}"
        for option in ("sslmode", "gsslib", "client_encoding")
    ),
]
SPECIAL = st.text("@/:?#[]%&= '\"\\,;\n\t+$!ß{0", max_size=4)


@given(st.sampled_from(WRITTEN), SPECIAL, SPECIAL, SPECIAL)
def test_no_address_that_is_refused_or_tried_is_told(form, before, between, after):
    """Whatever stands where: ours, psycopg's and DuckDB's errors tell none of it."""
    text = form.format(f"{before}{FIRST}{between}{SECOND}{after}").strip()
    try:
        address = postgres_address(text, "X")
    except ConfigError as error:
        assert hidden(all_of(error))  # noqa: PT017 - others are accepted
        return
    database = parse(text).get("dbname", "")
    assert hidden(f"{address} {address!r}".replace(database, ""))
    if parse(text)["host"] in ("127.0.0.1", "/nonexistent"):
        with pytest.raises(PublishError) as raised, connected(address):
            pass
        assert hidden(all_of(raised.value).replace(address.shown, ""))


@pytest.mark.long
def test_why_a_server_does_not_let_us_in_is_told_in_our_words(wrong_address):
    told = {}
    for form in OF_A_SERVER:
        address = postgres_address(wrong_address(form), "X")
        with pytest.raises(PublishError) as raised, connected(address):
            pass
        told[form] = raised.value.message.removeprefix(f"Postgres at {address} ")
    assert told == {
        "nobody there": "does not answer: nobody listens there",
        "no such host": "does not answer: the name of the host is not known",
        "wrong password": "refuses the user or the password",
        "no such user": "refuses the user or the password",
        "no such database": "has no such database or user",
        "option with a value that cannot be": "cannot be asked: an option of the address has a value"
        " that cannot be",
    }


@pytest.mark.long
@pytest.mark.parametrize("form", ["nobody there", "wrong password"])
@pytest.mark.parametrize("words", ["doctor", "publish", "query --on postgres table"])
def test_no_command_tells_an_address_that_a_server_refuses(
    told, monkeypatch, wrong_address, form, words
):
    monkeypatch.setenv("LAKEHOUSE_POSTGRES_URL", wrong_address(form))
    code, text = told(words)
    assert hidden(text)
    assert code == COULD_NOT_RUN or words == "publish"


@pytest.mark.long
@pytest.mark.parametrize("form", ["nobody there", "wrong password"])
def test_duckdb_tells_nothing_of_an_address_that_a_server_refuses(engine, wrong_address, form):
    """DuckDB's own messages hold the whole of it; it connects after us, when a server may end."""
    from toy import SCHEMA

    from lakehouse.engines import Load, Source
    from lakehouse.plan.state import Changed
    from lakehouse.windows import ALL_TIME

    address = postgres_address(wrong_address(form), "X")
    import ibis

    source = Source("moments", ibis.Schema.from_pyarrow(SCHEMA))
    load = Load(source, Changed((ALL_TIME,), None), ("marts", "moments"))
    with pytest.raises(PublishError) as raised:
        engine.load_postgres(address, [load])
    assert hidden(all_of(raised.value))
    names = engine.execute("select database_name, path from duckdb_databases()").fetchall()
    assert hidden(json.dumps(names))


def test_a_failed_query_tells_nothing_of_its_address(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"create role slips superuser login password '{PASSWORD}'")
    try:
        address = database.replace("://postgres@", f"://slips:{PASSWORD}@")
        with pytest.raises(Exception, match="relation") as raised:
            query(postgres_address(address, "X"), "table nothing")
    finally:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("drop role slips")
    assert hidden(all_of(raised.value))
