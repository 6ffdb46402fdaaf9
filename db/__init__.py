"""The only place that speaks SQL: sessions under a role, named statements, jobs, hints, migrations."""
