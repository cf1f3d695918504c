from django.urls import URLPattern

app_name = "miners"
urlpatterns: list[URLPattern] = []
