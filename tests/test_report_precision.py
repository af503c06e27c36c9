"""A report embeds as its run did, and not otherwise: its engine and precision lie in the details."""

import json

import pyarrow.parquet as pq
import pytest

from fieldguide.core.errors import AnswersError
from fieldguide.pipelines.identify import Settings, identify_files
from fieldguide.pipelines.report_data import read_report_data
from fieldguide.records.details_parquet import FACTS


@pytest.fixture
def run(few, tmp_path):
    settings = Settings(recipe="cosine", engine="torch", precision="bfloat16", show=False)
    details = tmp_path / "details.parquet"
    return details, identify_files(few.gallery, few.queries, tmp_path / "answers.csv", settings, details=details)


def test_a_report_has_the_embeddings_of_its_run(run, few):
    details, result = run
    report = read_report_data(details, few.gallery, few.queries, show=False)
    assert (report.facts.engine, report.facts.precision) == ("torch", "bfloat16")
    assert (report.gallery_embeddings == result.gallery.matrix).all()
    assert (report.query_embeddings.matrix == result.queries.matrix).all()


def test_details_that_do_not_say_it_are_read_as_before(run, few):
    details, result = run
    table = pq.read_table(details)
    facts = json.loads(table.schema.metadata[FACTS])
    del facts["engine"], facts["precision"]
    pq.write_table(table.replace_schema_metadata({FACTS: json.dumps(facts)}), details)
    report = read_report_data(details, few.gallery, few.queries, show=False)
    assert report.facts.precision is None
    assert report.gallery_embeddings.shape == result.gallery.matrix.shape
    assert not (report.gallery_embeddings == result.gallery.matrix).all()  # they are those of float32


def test_details_of_another_version_are_refused(run, few):
    details, _ = run
    table = pq.read_table(details)
    facts = json.loads(table.schema.metadata[FACTS])
    facts["unheard of"] = 1
    pq.write_table(table.replace_schema_metadata({FACTS: json.dumps(facts)}), details)
    with pytest.raises(AnswersError, match=r"is of another version: write it anew with identify --details"):
        read_report_data(details, few.gallery, few.queries, show=False)
