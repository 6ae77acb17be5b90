"""Keep what a record was merged into inside its organization."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("attribution", "0008_merged_and_deleted_records")]

    operations = [
        migrations.RunSQL(
            """
            CALL link_tenant('attribution_account', 'merged_into_id', 'attribution_account');
            CALL link_tenant('attribution_contact', 'merged_into_id', 'attribution_contact');
            """,
            migrations.RunSQL.noop,
        ),
    ]
