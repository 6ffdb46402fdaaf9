"""Every construct of the language, by a document of its own; the oracle says what each should give."""

import pytest

PAGE = (
    "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } }"
)
TEN = " ".join(
    f"{name}: {field}"
    for name, field in {
        "a": "batches(first: 2) { nodes { title } }",
        "b": "images(first: 2) { nodes { name } }",
        "c": "collections(first: 2) { nodes { name } }",
        "d": "batch(id: $batch) { title }",
        "e": "image(id: $image) { name }",
        "f": "generation(id: $generation) { prompt }",
        "g": "collection(id: $collection) { name }",
        "h": "node(id: $template) { __typename id }",
        "i": "viewer { id role }",
        "j": "batches(first: 1) { totalCount }",
    }.items()
)
KINDS = "$batch: ID!, $image: ID!, $generation: ID!, $collection: ID!, $template: ID!"
DOCUMENTS = {
    "an alias": "{ mine: viewer { who: id } }",
    "an alias that is another field's name": """query ($batch: ID!) { batch(id: $batch) { id: title
      title: id } }""",
    "two aliases of one list": """query ($batch: ID!) { batch(id: $batch) {
      one: generations(first: 1) { nodes { id } totalCount }
      two: generations(first: 2, status: [SUCCEEDED, FAILED]) { nodes { id status } totalCount }
      none: generations(status: []) { nodes { id } totalCount }
      three: images(first: 1) { nodes { id } } four: images { nodes { id } }
    } }""",
    "a literal for a list": """query ($batch: ID!) { batch(id: $batch) { generations(status: FAILED)
      { nodes { id } } } }""",
    "arguments by variable": "query ($n: Int, $c: String) { batches(first: $n, after: $c) { nodes { id } } }",
    "defaults of variables": """query ($n: Int = 2, $w: Int = 800) { images(first: $n) { nodes {
      thumbnailUrl(width: $w) } } }""",
    "a null variable": """query ($none: Int, $no: String) { images(first: $none, after: $no) { nodes
      { thumbnailUrl(width:
      $none) } } }""",
    "a null literal": "{ images(first: null, after: null) { nodes { thumbnailUrl(width: null) } } }",
    "a variable that is left out": """query ($n: Int, $w: Int) { images(first: $n) { nodes {
      thumbnailUrl(width: $w) } } }""",
    "a variable within a list": """query ($batch: ID!, $s: GenerationStatus! = FAILED) { batch(id:
      $batch) { generations(status: [$s,
      SUCCEEDED]) { nodes { status } } } }""",
    "widths": """query ($image: ID!) { image(id: $image) { a: thumbnailUrl b: thumbnailUrl(width: 1) c:
      thumbnailUrl(width: 201) d: thumbnailUrl(width: 9999) e: thumbnailUrl(width: 0) f:
      thumbnailUrl(width: -1) } }""",
    "a fragment": "{ batches(first: 3) { ...P } } fragment P on BatchConnection { nodes { id title } }",
    "fragments within fragments": """{ batches(first: 3) { ...P } }
      fragment P on BatchConnection { ...Q edges { ...E } }
      fragment Q on BatchConnection { totalCount pageInfo { ...I } }
      fragment E on BatchEdge { cursor node { ...B } }
      fragment I on PageInfo { hasNextPage endCursor }
      fragment B on Batch { ...N counts { total saved } collection { ...N } }
      fragment N on Node { id __typename }""",
    "a fragment spread twice": """{ a: batches(first: 1) { ...P ...P } b: batches(first: 2) { ...P }
      } fragment P on BatchConnection {
      nodes { id } totalCount }""",
    "fragments on an interface": """query ($batch: ID!, $image: ID!) { a: node(id: $batch) { ...N }
      b: node(id: $image) { ...N } }
      fragment N on Node { id ... on Batch { title status counts { total } } ... on Image { name url }
        ... on Node { __typename } ... { again: id } }""",
    "every type of node": f"query ({KINDS})"
    + """{
      a: node(id: $batch) { ...N } b: node(id: $image) { ...N } c: node(id: $generation) { ...N }
      d: node(id: $collection) { ...N } e: node(id: $template) { ...N }
    } fragment N on Node { __typename id
      ... on Batch { title regeneratedFrom { id } } ... on Image { prompt generation { id } }
      ... on Generation { position imageRecordId } ... on Collection { shared templates { position } }
      ... on Template { name parameters model }
    }""",
    "a fragment that does not apply": """query ($batch: ID!) { node(id: $batch) { ... on Image { id
      } ... on Template { name } } }""",
    "include and skip by literals": """{ viewer { id @include(if: false) role @skip(if: false) }
      batches @skip(if: true) { totalCount } }""",
    "include and skip by variables": """query ($yes: Boolean!, $no: Boolean = false) {
      viewer @include(if: $yes) { id @skip(if: $no) role @include(if: $no) @skip(if: $no) }
      batches(first: 1) { ...P @include(if: $no) ... @skip(if: $yes) { totalCount } nodes { id } }
    } fragment P on BatchConnection { totalCount }""",
    "nothing left of a selection": """{ viewer { id @include(if: false) } batches(first: 2) { nodes
      { id @skip(if: true) } } }""",
    "nothing left at all": "{ viewer @skip(if: true) { id } }",
    "the typename everywhere": """query ($generation: ID!) { __typename viewer { __typename }
      batches(first: 2) { __typename
      edges { __typename node { __typename counts { __typename } } } pageInfo { __typename } nodes { t:
      __typename } }
      generation(id: $generation) { __typename error { __typename } images { __typename } } }""",
    "nothing but the typename": "{ __typename other: __typename }",
    "a count alone": "{ batches { totalCount } images { totalCount } collections { totalCount } }",
    "page information alone": """{ batches(first: 3) { pageInfo { hasNextPage hasPreviousPage
      startCursor endCursor } } }""",
    "lists within lists": f"""{{ collections(first: 20) {{ nodes {{ name templates {{ position name }}
      batches(first: 2) {{ {PAGE} nodes {{ images(first: 2) {{ {PAGE} }} generations(first: 3) {{
      totalCount nodes {{
      images {{ id batch {{ id }} }} }} }} }} }} images(first: 3) {{ {PAGE} }} }} }} }}""",
    "relations there and back": """query ($image: ID!) { image(id: $image) { generation { batch {
      collection { batches(first: 2) {
      nodes { regeneratedFrom { regeneratedFrom { id deletedAt } } } } } } } batch { images(first: 3) {
      nodes { id } } } } }""",
    "merged selections": """query ($batch: ID!) { batch(id: $batch) { id counts { total } collection { id } }
      batch(id: $batch) { title counts { queued } ... on Batch { collection { name } } }
      ...R } fragment R on Query { batch(id: $batch) { id model counts { total saved } } }""",
    "merged lists": """{ batches(first: 2) { nodes { id } } batches(first: 2) { nodes { title
      images(first: 1) { totalCount } }
      edges { cursor } } batches(first: 2) { edges { node { id } } nodes { images(first: 1) { nodes { id }
      } } } }""",
    "nodes and edges at once": """{ images(first: 3) { nodes { id } edges { node { name } cursor }
      again: nodes { url } } }""",
    "ten root fields": f"query ({KINDS}) {{ {TEN} }}",
    "one root field twice": """query ($batch: ID!, $foreign: ID!) { a: batch(id: $batch) { id } b:
      batch(id: $foreign) { id } c:
      batch(id: $batch) { title } }""",
    "another user's rows": """query ($foreign: ID!) { batch(id: $foreign) { id } node(id: $foreign)
      { id } image(id: $foreign) {
      id } }""",
    "what does not exist": """{ batch(id: "x") { id } node(id: "") { id } image(id:
      "6f1c9b9e-2c1b-4c7e-9b1a-0d9a6a1f5e01") { id }
      generation(id: 7) { id } }""",
    "an id in capitals": "query ($capital: ID!) { batch(id: $capital) { id } node(id: $capital) { id } }",
    "every field of a batch": """{ batches(first: 100) { nodes { id title status model referenceUrl
      downloadUrl parameters variables favorite
      tags cursor createdAt startedAt finishedAt deletedAt counts { total queued running succeeded failed
      canceled saved } } } }""",
    "every field of an image": """{ images(first: 100) { nodes { id name prompt url thumbnailUrl
      placeholder width height contentType
      byteSize referenceUrl model parameters favorite createdAt deletedAt } } }""",
    "every field of a generation": """query ($batch: ID!) { batch(id: $batch) { generations { nodes
      { id position templateId
      templateName prompt model status progress attempts error { code message retryable retryAt } imageUrl
      saved imageRecordId
      images { id deletedAt } createdAt startedAt finishedAt } } } }""",
    "every field of a collection": """{ collections(first: 100) { nodes { id name description shared createdAt
      templates { id name prompt model parameters position } } } }""",
    "all the images of all generations": """{ batches(first: 20) { nodes { generations(first: 20) {
      nodes { imageRecordId images { id deletedAt
      } } } } } }""",
    "a page too long": "{ a: batches(first: 101) { totalCount } b: images(first: 0) { totalCount } }",
    "a page too long that is skipped": "{ batches(first: 101) @skip(if: true) { totalCount } viewer { id } }",
    "no cursor": '{ batches(after: "x") { totalCount } images(after: "") { totalCount } }',
    "an error beside data": "{ batches(first: 1) { totalCount } viewer { id } }",
    "introspection of nothing": "{ a: __typename ... on Query { b: __typename } }",
}


@pytest.fixture(scope="module")
def known(stage):
    """Variables for all documents: rows of the first user that have much in them, and one of the second's."""
    tables, (ada, ben, _) = stage.oracle.tables, stage.world.users
    mine = {table: [row for row in rows if row["user_id"] == ada] for table, rows in tables.items()}
    of_batches = [row for row in mine["images"] if row["batch_id"] and row["deleted_at"] is None]
    batch = max(mine["batches"], key=lambda row: sum(each["batch_id"] == row["id"] for each in of_batches))
    image = next(row for row in of_batches if row["generation_id"])
    return {
        "batch": str(batch["id"]),
        "image": str(image["id"]),
        "generation": str(next(row for row in mine["generations"] if row["error_code"])["id"]),
        "collection": str(mine["collections"][0]["id"]),
        "template": str(mine["templates"][0]["id"]),
        "foreign": str(next(row for row in tables["batches"] if row["user_id"] == ben)["id"]),
        "capital": str(batch["id"]).upper(),
        "yes": True,
        "none": None,
        "no": None,
    }


def wanted(document, known):
    return {
        name: value
        for name, value in known.items()
        if f"${name}:" in document and f"${name}: Boolean =" not in document
    }


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
async def test_each_construct_is_answered_as_the_oracle_does(document, known, stage, compare):
    for user in (*stage.world.users, None):
        await compare(document, wanted(document, known), user=user)


async def test_the_operation_that_is_named_runs(compare):
    several = """query A { viewer { id } } query B($n: Int = 2) { ...F }
      fragment F on Query { batches(first: $n) { totalCount nodes { id } } }"""

    assert list((await compare(several, name="A")).data) == ["viewer"]
    assert list((await compare(several, {"n": 1}, name="B")).data) == ["batches"]


LISTS = {
    "Query.batches": "batches",
    "Query.images": "images",
    "Query.collections": "collections",
    "Batch.generations": "node(id: $id) { ... on Batch { generations",
    "Batch.images": "node(id: $id) { ... on Batch { images",
    "Collection.batches": "node(id: $id) { ... on Collection { batches",
    "Collection.images": "node(id: $id) { ... on Collection { images",
}


def pages_of(data):
    while "pageInfo" not in data:
        (data,) = data.values()
    return data


@pytest.mark.parametrize("first", [1, 100])
@pytest.mark.parametrize("field", LISTS)
async def test_every_page_of_a_list_is_the_oracles(field, first, known, compare):
    asked = LISTS[field]
    parent = "$id: ID!, " if "$id" in asked else ""
    query = (
        f"query ({parent}$first: Int, $after: String) "
        f"{{ {asked}(first: $first, after: $after) {{ {PAGE} }} {'} }' if parent else ''} }}"
    )
    variables = {"first": first, "after": None}
    if parent:
        variables["id"] = known[field.partition(".")[0].lower()]
    pages = 0
    while variables["after"] or not pages:
        info = pages_of((await compare(query, variables)).data)["pageInfo"]
        variables["after"] = info["endCursor"].text if info["hasNextPage"] else None
        pages += 1
