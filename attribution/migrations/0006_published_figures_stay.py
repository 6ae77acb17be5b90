"""Keep what a run published as it was published."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("attribution", "0005_histories_trust_their_parent")]

    operations = [
        migrations.RunSQL(
            (SQL / "published_figures.sql").read_text(),
            (SQL / "published_figures_reverse.sql").read_text(),
        ),
    ]
