"""The cluster that the store's tests stand on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from sharedbook.store.schema import metadata
from tests.support.left_out import ROOT
from tests.support.postgres import SUPERUSER, Cluster


def connect(cluster: Cluster, url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host="127.0.0.1", port=cluster.port, user=SUPERUSER, dbname=url.rpartition("/")[2])


def test_each_database_is_new_and_empty(postgres_cluster: Cluster) -> None:
    with postgres_cluster.database() as one, postgres_cluster.database() as other:
        assert one != other
        with connect(postgres_cluster, one) as first:
            first.execute("CREATE TABLE t (x text)")
        with connect(postgres_cluster, other) as second:
            assert second.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)


def test_a_database_is_dropped_even_while_in_use(postgres_cluster: Cluster) -> None:
    with postgres_cluster.database() as url:
        lingering = connect(postgres_cluster, url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(postgres_cluster, url)
    lingering.close()


def test_it_keeps_unicode_and_listens_on_loopback_only(postgres_cluster: Cluster) -> None:
    with postgres_cluster.database() as url, connect(postgres_cluster, url) as connection:
        assert connection.execute("SELECT lower('ÄΣ') || '김'").fetchone() == ("äσ김",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert connection.execute("SHOW unix_socket_directories").fetchone() == ("",)


@pytest.mark.needs("postgres")
def test_fsync_stays_on_for_a_durable_cluster_and_stop_leaves_nothing() -> None:
    cluster = Cluster(durable=True)
    try:
        with cluster.database() as url, connect(cluster, url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
    finally:
        cluster.stop()
    assert not cluster.folder.exists()
    with pytest.raises(psycopg.OperationalError):
        connect(cluster, "postgres")


@pytest.mark.needs("postgres")
def test_the_server_ends_with_the_session_even_when_nobody_stops_it() -> None:
    code = "from tests.support.postgres import Cluster; it = Cluster(); print(it.port, it.folder)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    port, folder = done.stdout.split()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=int(port), user=SUPERUSER, dbname="postgres")
    assert not Path(folder).exists()


def tables(url: str) -> set[str]:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
        found = set(sqlalchemy.inspect(engine).get_table_names())
    engine.dispose()
    return found


def test_both_databases_open_empty_or_with_the_schema(empty_database_url: str, database_url: str) -> None:
    assert tables(empty_database_url) == set()
    assert tables(database_url) == {*metadata.tables, "alembic_version"}
