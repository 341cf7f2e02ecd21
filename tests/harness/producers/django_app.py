"""The shop in Django with its logging as it comes: `python -m harness.producers.django_app runserver …`."""

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import path

from . import charge, restock

if __name__ == "__main__":
    # With DEBUG, what Django logs goes to the standard error.
    settings.configure(DEBUG=True, ROOT_URLCONF="harness.producers.django_app", SECRET_KEY="none", TIME_ZONE="UTC")
    execute_from_command_line(sys.argv)

urlpatterns = [
    path("orders/<int:order>", lambda request, order: JsonResponse({"order": order})),
    path("pay/<int:order>", lambda request, order: JsonResponse({"charged": charge(order)})),
    path("restock/<str:name>", lambda request, name: JsonResponse({"stock": restock(name)})),
]
