"""Serve pages of opportunities and touchpoints in the order of time from an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attribution", "0003_touchpoints_can_be_retracted")]

    operations = [
        migrations.AddIndex(
            model_name="opportunity",
            index=models.Index(fields=["organization", "closed_at"], name="opportunity_by_time"),
        ),
        migrations.AddIndex(
            model_name="touchpoint",
            index=models.Index(fields=["organization", "occurred_at"], name="touchpoint_by_time"),
        ),
    ]
