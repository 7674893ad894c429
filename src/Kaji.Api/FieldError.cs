namespace Kaji.Api;

/// <summary>One cause of a 422: the field, what is wrong with it. Formats as apimachinery's <c>field.Error</c>.</summary>
/// <param name="Reason">The machine-readable cause: <c>FieldValueRequired</c>, <c>FieldValueInvalid</c>, <c>FieldValueDuplicate</c>, <c>FieldValueNotSupported</c>, <c>FieldValueForbidden</c>, <c>FieldValueTooLong</c>, <c>FieldValueTooMany</c>, <c>FieldValueNotFound</c>, <c>FieldValueTypeInvalid</c>.</param>
/// <param name="Field">The path, as <c>spec.containers[0].image</c>.</param>
/// <param name="Message">The whole sentence without the field, as <c>Invalid value: "x": must be …</c>.</param>
public sealed record FieldError(string Reason, string Field, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Field}: {Message}";
}
