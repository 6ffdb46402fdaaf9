"""Whatever is asked, the service answers what an oracle that shares nothing with it finds in the rows."""

import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle.documents import asked

EXAMPLES = int(os.environ.get("BATCH_STUDIO_TEST_DOCUMENTS", "250"))
"""More of them for a longer run, which is then another one each time."""
RUN = settings(
    max_examples=EXAMPLES,
    derandomize="BATCH_STUDIO_TEST_DOCUMENTS" not in os.environ,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@RUN
@given(data=st.data())
async def test_a_random_document_is_answered_as_the_oracle_does(data, stage, compare):
    one = data.draw(asked(stage.stock))

    await compare(one.query, one.variables, name=one.name, user=one.user)
