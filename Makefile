# What is done with the checkout; CONTRIBUTING.md tells when.

EXPORT := uv export --quiet --no-emit-project --no-header --no-annotate
POSTGRES_15 := /usr/lib/postgresql/15/bin

.PHONY: check test acceptance acceptance-postgres-15 acceptance-mixed acceptance-chaos acceptance-torture chaos torture \
	fuzz outage cluster machines bench queries history browser screenshots promises requirements

# Format, lint, types, import contracts, pinned requirements; the same for the web client, and its pure parts.
check:
	uv run ruff format --check
	uv run ruff check
	uv run mypy
	uv run lint-imports --no-logo
	$(EXPORT) --frozen | diff requirements.txt - || { echo 'requirements.txt is behind: make requirements'; exit 1; }
	uv run python web/npm.py run check

test:
	pip install uv && uv run pytest

# The long runs, each bounded: a target of its own, named here.
acceptance: acceptance-postgres-15 acceptance-mixed browser outage acceptance-chaos acceptance-torture machines fuzz

# The whole suite once more, on the oldest PostgreSQL that is served.
acceptance-postgres-15:
	@if [ -x $(POSTGRES_15)/postgres ]; then \
		BATCH_STUDIO_TEST_POSTGRES=$(POSTGRES_15) timeout 1800 uv run pytest; \
	else \
		echo 'Not run on PostgreSQL 15: there is none in $(POSTGRES_15) (apt-get install postgresql-15).'; \
	fi

# Fifty users' 20,000 requests over four connections, cancelled, failing and too slow among them.
acceptance-mixed:
	timeout 300 uv run pytest -n 0 -m acceptance

acceptance-torture:
	timeout --signal=INT 120 uv run python bench/torture.py --cuts 100 --clients 40 --images 50

# The Studio and the playground in a real Chromium: restarts, two tabs, offline, axe, the keyboard alone.
browser:
	timeout 600 uv run pytest -n 0 -m browser tests/browser

# docs/images, photographed anew.
screenshots:
	timeout 300 uv run python -m tests.browser.screenshots

# The database away and stalled, SIGTERM and SIGSTOP: each waits for real time-outs.
outage:
	uv run pytest --dist load -m outage

acceptance-chaos:
	timeout --signal=INT 400 uv run python bench/chaos.py --kills 10

# kill -9 at random while batches run against a bad provider; repeat one with the seed it prints.
chaos:
	timeout --signal=INT 900 uv run python bench/chaos.py --kills 40

# Sockets cut at random while replicas die and hints are dropped; repeat one with the seed it prints.
torture:
	timeout --signal=INT 400 uv run python bench/torture.py --cuts 1000

# Malformed sockets and hostile bodies, while somebody else asks a plain question; repeat one with its seed.
fuzz:
	timeout --signal=INT 60 uv run python bench/fuzz.py

# PostgreSQL, NATS, two APIs and two workers on this machine, behind one address, until Ctrl-C.
cluster:
	uv run python bench/cluster.py

# The same with clients that hop between the replicas, each client's log compared with the table.
machines:
	timeout --signal=INT 90 uv run python bench/many_machines.py

# The figures in the README.
bench:
	uv run python bench/engine.py --images 1000 --side 64
	uv run python bench/engine.py --images 50 --side 768
	uv run python bench/subscriptions.py

# What reading costs: beside hand-written code, stock Strawberry and PostGraphile; in PostgreSQL.
queries:
	timeout --signal=INT 1200 uv run python bench/queries.py --data .batch-studio/million

history:
	timeout --signal=INT 600 uv run python bench/history.py --data .batch-studio/million

# What is promised in numbers: many runs at once, fair turns, the provider's limit, the cost of startBatch, flat memory.
promises:
	uv run python bench/flight.py
	uv run python bench/fairness.py
	uv run python bench/rate.py
	uv run python bench/start.py
	uv run python bench/memory.py

# Every dependency with its hashes, resolved anew: an old uv.lock would hold it back.
requirements:
	rm -f uv.lock
	$(EXPORT) --output-file requirements.txt
