"""Let no total be added to a run that ended."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("attribution", "0006_published_figures_stay")]

    operations = [
        migrations.RunSQL(
            (SQL / "published_totals.sql").read_text(),
            "DROP TRIGGER total_run_is_running ON attribution_attributiontotal",
        ),
    ]
