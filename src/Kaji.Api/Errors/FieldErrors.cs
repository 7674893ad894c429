using System.Text.Json.Nodes;

namespace Kaji.Api.Errors;

/// <summary>Adds causes with apimachinery's wording (k8s.io/apimachinery/pkg/util/validation/field).</summary>
public static class FieldErrors
{
    public static void Required(this ICollection<FieldError> errors, string field, string detail = "") =>
        errors.Add(new FieldError("FieldValueRequired", field, "Required value" + Tail(detail)));

    public static void Invalid(this ICollection<FieldError> errors, string field, object? value, string detail) =>
        errors.Add(new FieldError("FieldValueInvalid", field, $"Invalid value: {Show(value)}{Tail(detail)}"));

    public static void NotSupported(this ICollection<FieldError> errors, string field, object? value, IEnumerable<string> supported) =>
        errors.Add(new FieldError("FieldValueNotSupported", field, $"Unsupported value: {Show(value)}: supported values: {string.Join(", ", supported.Select(s => $"\"{s}\""))}"));

    public static void Duplicate(this ICollection<FieldError> errors, string field, object? value) =>
        errors.Add(new FieldError("FieldValueDuplicate", field, $"Duplicate value: {Show(value)}"));

    public static void Forbidden(this ICollection<FieldError> errors, string field, string detail) =>
        errors.Add(new FieldError("FieldValueForbidden", field, "Forbidden" + Tail(detail)));

    public static void NotFound(this ICollection<FieldError> errors, string field, object? value) =>
        errors.Add(new FieldError("FieldValueNotFound", field, $"Not found: {Show(value)}"));

    public static void TooLong(this ICollection<FieldError> errors, string field, int limit) =>
        errors.Add(new FieldError("FieldValueTooLong", field, $"Too long: may not be more than {limit} bytes"));

    public static void TooMany(this ICollection<FieldError> errors, string field, int actual, int most) =>
        errors.Add(new FieldError("FieldValueTooMany", field, $"Too many: {actual}: must have at most {most} item{(most == 1 ? "" : "s")}"));

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Tail(string detail) => detail.Length == 0 ? "" : ": " + detail;

    private static string Show(object? value) => value switch
    {
        null => "\"null\"",
        JsonValue node when node.TryGetValue<string>(out var text) => Quote(text),
        JsonNode node => node.ToJsonString(),
        string text => Quote(text),
        IEnumerable<string> list => $"[{string.Join(",", list.Select(t => $"\"{t}\""))}]",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "null",
    };
}
