using System.Globalization;
using System.Text.Json;

namespace Fleet.Http;

/// <summary>Small JSON by hand: escapes and numbers.</summary>
internal static class JsonText
{
    public static string Escape(string text) => JsonEncodedText.Encode(text).ToString();

    public static string Number(decimal value) => value.ToString("0.########", CultureInfo.InvariantCulture);
}
