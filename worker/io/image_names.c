/* Names of images as the journal has them; see images.h. */
#include <errno.h>
#include <string.h>

#include "worker/io/images.h"

int images_set_names(struct images *images, const char *id, const struct text_list *names,
                     struct error *err)
{
    autoarena arena = { 0 };
    struct image_info info;
    int r = images_find(images, id, &arena, &info, err);

    for (size_t i = 0; r >= 0 && i < info.names.count; i++) {
        if (!text_list_has(names, info.names.items[i]))
            r = images_untag(images, info.names.items[i], err);
    }
    for (size_t i = 0; r >= 0 && i < names->count; i++) {
        if (!text_list_has(&info.names, names->items[i]))
            r = images_tag(images, id, names->items[i], err);
    }
    return r;
}
