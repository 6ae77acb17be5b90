"""Keep with a request what else its send is counted by."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gifting", "0040_decisions_of_others"),
    ]

    operations = [
        migrations.AddField(
            model_name="sendrequest",
            name="dimensions",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="Codes by kind of what budgets may be scoped by, as given",
            ),
        ),
    ]
